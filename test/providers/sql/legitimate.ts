/** What people, BI tools and mappers ask of a database goes through. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { rowsOf } from "./asking.ts";

/** One statement a line; a line that begins with two dashes names those that follow, of all or by that name. */
export function statementsOf(file: URL, isOf: (section: string) => boolean = () => true): string[] {
  let section = "";
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => {
      if (line.startsWith("--")) section = line.slice(3);
      return line !== "" && !line.startsWith("--") && isOf(section);
    });
}

/** Runs queries by so many readers, and expects that no more are refused than may be: 1 in 100. */
export async function expectServed(
  session: Required<Session>,
  queries: readonly string[],
  { readers, classify }: { readers: number; classify: (cause: unknown) => Failure | undefined },
): Promise<void> {
  const next = queries.values();
  const refused: string[] = [];
  const wrong: string[] = [];
  const reader = async () => {
    for (const text of next) {
      const failure = await rowsOf(session, text).then(
        () => undefined,
        (cause: unknown) => classify(cause) ?? cause,
      );
      if (failure === undefined) continue;
      if (!(failure instanceof Failure)) throw failure;
      (failure.where === "upstream" ? wrong : refused).push(`${failure.message}\n  ${text}`);
    }
  };
  await Promise.all(Array.from({ length: readers }, reader));
  console.log(`legitimate SQL: ${queries.length} queries, ${refused.length} refused${["", ...refused].join("\n  ")}`);
  // What the source itself finds wrong is a mistake of the test's.
  expect(wrong).toEqual([]);
  expect(queries.length).toBeGreaterThan(500);
  expect(refused).toEqual([]);
}
