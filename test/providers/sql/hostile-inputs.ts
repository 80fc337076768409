/**
 * Hostile inputs without end: what others collected, statements and functions that are
 * known to be dangerous, and both of them changed and put where an application might put
 * what a stranger typed. The same seed gives the same inputs.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Strings for SQL injection, one a line, in files that others made. */
const corpus = new URL(process.env.SQL_INJECTION_CORPUS ?? "../../../../shared/corpora/sqli/", import.meta.url);

/** The collected strings; none when they are not on this machine. */
export function collectedStrings(): string[] {
  if (!existsSync(corpus)) return [];
  return readdirSync(corpus).flatMap((file) =>
    readFileSync(new URL(file, corpus), "latin1")
      .split(/\r?\n/)
      .filter((line) => line.trim() !== ""),
  );
}

/** From 0 to 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What becomes of a text, with another one at hand. */
export type Change = (text: string, random: () => number, another: string) => string;

const spaces = [
  " ",
  "\t",
  "\n",
  "\r",
  "\f",
  "\v",
  "/**/",
  "/*x*/",
  "--\n",
  "#\n",
  "\u00a0",
  "\u2003",
  "\u3000",
  "\ufeff",
  "+",
];

const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** What becomes of a string on its way to any database. */
const changes: readonly Change[] = [
  (text) => text,
  (text, random) => text.replace(/[a-z]/gi, (c) => (random() < 0.5 ? c.toUpperCase() : c.toLowerCase())),
  (text, random) => text.replace(/ /g, () => pick(random, spaces)),
  (text) => text.replace(/'/g, "''"),
  (text) => text.replace(/'/g, "\\'"),
  (text) => text.replace(/'/g, "\u2019"),
  (text) => encodeURIComponent(text.toWellFormed()),
  (text) => text.replace(/[a-z]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
  (text, random) => text.slice(0, Math.floor(random() * text.length)),
  (text, random) => {
    const at = Math.floor(random() * text.length);
    return (
      text.slice(0, at) +
      pick(random, ["\0", "\ud800", "\u202e", "'", '"', "`", "\\", ";", "$$", "/*", "*/", "/*!", "--", "#"]) +
      text.slice(at)
    );
  },
  (text, _random, another) => `${text}; ${another}`,
  (text, _random, another) => `COMMIT; ${another}; ${text}`,
  (text) => `\0${text}`,
  (text) => `${text} -- `,
  (text) => `(${text})`,
  (text) => `EXPLAIN ${text}`,
  (text) => text.replace(/[A-Za-z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
];

/** What is hostile to one kind of database, beside what is hostile to all. */
export interface Tricks {
  /** What becomes of a string on its way. */
  readonly changes: readonly Change[];
  /** Where an application might put it. */
  readonly places: readonly Change[];
}

/** One input after the other, none twice: each seed as it is, and then what becomes of them. */
export function* hostileInputs(seeds: readonly string[], tricks: Tricks, seed: number): Generator<string, never> {
  const random = randomFrom(seed);
  const allChanges = [...changes, ...tricks.changes];
  const given = new Set(seeds);
  yield* given;
  for (;;) {
    let text = pick(random, seeds);
    for (let i = Math.floor(random() * 3); i > 0; i--) {
      text = pick(random, allChanges)(text, random, pick(random, seeds));
    }
    const input = pick(random, tricks.places)(text, random, "");
    if (given.has(input)) continue;
    given.add(input);
    yield input;
  }
}
