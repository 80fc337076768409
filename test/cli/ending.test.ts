/** A command that fails says what to do, and shows neither a stack nor a statement. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { endWith, UsageError } from "../../src/cli/ending.ts";
import { Failure } from "../../src/failure.ts";

let said: string;

beforeEach(() => {
  said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

test("a wrong argument is answered with the usage, a failure with its remedy", () => {
  endWith(new UsageError("--x: there is none."), "Usage: it\n", "Nothing was done.");
  expect([said, process.exitCode]).toEqual(["--x: there is none.\n\nUsage: it\n", 2]);
  said = "";
  const failure = new Failure("invalid_request", "It can't be.", { where: "request", remedy: "Do another." });
  endWith(failure, "Usage: it\n", "Nothing was done.");
  expect([said, process.exitCode]).toEqual(["Nothing was done. It can't be.\nDo another.\n", 1]);
});

test("of an error that nobody has foreseen only the kinds and codes are said", () => {
  const cause = Object.assign(new Error("canary"), { name: "DatabaseError", code: "42P01" });
  endWith(new TypeError("SELECT 'canary' FROM secret", { cause }), "Usage: it\n", "Nothing was done.");
  expect(said).toContain("TypeError, caused by DatabaseError 42P01");
  expect(said).not.toMatch(/canary|SELECT| {4}at /);
  expect(process.exitCode).toBe(1);
});
