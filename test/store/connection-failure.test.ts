/** Which errors mean that the service's own database can't be reached, is lost or has no room. */
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { unavailable } from "../../src/store/connection-failure.ts";

function expectUnavailable(error: unknown): void {
  expect(error).toBeInstanceOf(Failure);
  expect(error).toMatchObject({
    kind: "service_unavailable",
    where: "service",
    retryAfterMs: 1_000,
    remedy: expect.stringContaining("Try again"),
  });
}

describe("what the driver or the server says", () => {
  const withCode = (code: string) => Object.assign(new Error("its text is nobody's business"), { code });

  for (const code of [
    "08006",
    "08P01",
    "28P01",
    "3D000",
    "53300",
    "57P01",
    "57P02",
    "57P03",
    "57014",
    "25P03",
    "25006",
  ]) {
    test(`(${code}) is of the connection`, () => expectUnavailable(unavailable(withCode(code), false)));
  }

  for (const code of ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "CERT_HAS_EXPIRED"]) {
    test(`(${code}) is of the connection, also below another error`, () => {
      expectUnavailable(unavailable(withCode(code), false));
      expectUnavailable(unavailable(new Error("wrapped", { cause: withCode(code) }), false));
      expectUnavailable(unavailable(new AggregateError([withCode(code)]), false));
    });
  }

  for (const text of [
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "timeout exceeded when trying to connect",
    "No connection to the service's database could be made.",
    "Client has encountered a connection error and is not queryable",
  ]) {
    test(`("${text}") is of the connection, having no code`, () =>
      expectUnavailable(unavailable(new Error(text), false)));
  }

  for (const code of ["23505", "23514", "42501", "42P01", "22P02", "40001", "40P01", "XX000", "ERR_INVALID_ARG"]) {
    test(`(${code}) is a statement's or the service's own fault`, () => {
      expect(unavailable(withCode(code), false)).toBeUndefined();
    });
  }

  test("that has a code is never judged by its text", () => {
    const quoting = Object.assign(new Error("Connection terminated unexpectedly"), { code: "23505" });
    expect(unavailable(quoting, false)).toBeUndefined();
  });

  test("is of no connection when it is a bug", () => {
    for (const bug of [new TypeError("x is undefined"), "text", undefined, new Failure("not_found", "None.")]) {
      expect(unavailable(bug, false)).toBeUndefined();
    }
  });

  test("leaves it open whether a change was made when the commit had no answer", () => {
    expect(unavailable(withCode("ECONNRESET"), true)?.remedy).toContain("may have been made");
    expect(unavailable(withCode("ECONNRESET"), false)?.remedy).not.toContain("may have been made");
  });
});
