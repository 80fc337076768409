import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import { pino } from "pino";
import { expect, test } from "vitest";
import { Secret } from "../../src/vault/secret.ts";

const secret = new Secret({ password: "hunter2" });

function logged(line: object): string[] {
  const lines: string[] = [];
  pino({}, { write: (text) => void lines.push(text) }).info(line);
  return lines;
}

test("a secret shows itself to no log, message or answer", () => {
  const shown = [
    String(secret),
    `${secret}`,
    // biome-ignore lint/style/useTemplate: concatenation is what is tested
    secret + "",
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: null, showHidden: true }),
    inspect(secret, { customInspect: false, showHidden: true }),
    format("%s %o %O %j", secret, secret, secret, secret),
    JSON.stringify(Object.entries(secret)),
    inspect({ ...secret }),
    inspect(structuredClone(secret)),
    serialize({ secret }).toString("latin1"),
    ...logged({ secret, err: new Error("failed", { cause: secret }), nested: [{ secret }] }),
    inspect(new Error("failed", { cause: { secret } }), { depth: null, showHidden: true }),
    inspect(new Map([[secret, new Set([secret])]]), { depth: null, showHidden: true }),
    new Error(`failed with ${secret}`).stack,
  ];
  for (const text of shown) expect(text).not.toContain("hunter2");
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  expect(`${secret}`).toBe("[secret]");
  expect(inspect([secret])).toBe("[ [secret] ]");
});

test("reveal gives the value as it was", () => {
  expect(secret.reveal()).toEqual({ password: "hunter2" });
});
