import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { Failure } from "../../src/failure.ts";
import { createPageTokens, maxPageTokenLength } from "../../src/rpc/page-token.ts";

const signingKey = parseSigningKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const tokens = createPageTokens(signingKey);
const payload = '{"after":"Zürich"}';
const hour = 60 * 60 * 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function refusal(token: string, binding: string): Failure {
  try {
    tokens.open(token, binding);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ kind: "invalid_page_token", where: "request", fields: [{ field: "page_token" }] });
    expect((error as Failure).remedy).toContain("first page");
    return error as Failure;
  }
  return expect.unreachable("the token was accepted");
}

test("a token leads back to its payload, and shows none of it", () => {
  const token = tokens.seal(payload, "binding");
  expect(tokens.open(token, "binding")).toBe(payload);
  expect(tokens.open(token, Buffer.from("binding"))).toBe(payload);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(Buffer.from(token, "base64url").includes("after")).toBe(false);
  expect(tokens.seal(payload, "binding")).not.toBe(token);
});

// Made by another implementation of the format, on Python's `cryptography`.
test("a token of version 1 opens", () => {
  const token =
    "AWZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZjBZ2YYQWUFtoDowhpiBLz-GoEA7dJX6u2i44yxM8noYzJ4gi5UtjWSSlrEtZfgH_XG0pF_mu0HqbXfV5qrsg33BpKG2dphQY5wQHQ";
  expect(tokens.open(token, "binding")).toBe(payload);
});

test("a token of another request says so", () => {
  expect(refusal(tokens.seal(payload, "binding"), "another").message).toBe(
    "The page token belongs to another request.",
  );
});

test("a token older than 24 hours says that it has expired", () => {
  const token = tokens.seal(payload, "binding");
  vi.advanceTimersByTime(24 * hour);
  expect(tokens.open(token, "binding")).toBe(payload);
  vi.advanceTimersByTime(1);
  expect(refusal(token, "binding").message).toBe("The page token has expired.");
});

test("a token of another signing key is not of this service", () => {
  const elsewhere = createPageTokens(parseSigningKey(randomBytes(32).toString("hex")));
  const token = elsewhere.seal(payload, "binding");
  expect(refusal(token, "binding").message).toBe("The page token was not made by this service.");
});

test("a changed, cut or respelled token is not of this service", () => {
  const token = tokens.seal(payload, "binding");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const changed = fc
    .tuple(fc.nat(token.length - 1), fc.constantFrom(...alphabet))
    .map(([at, character]) => token.slice(0, at) + character + token.slice(at + 1))
    .filter((text) => text !== token);
  const cut = fc.nat(token.length - 1).map((end) => token.slice(0, end));
  const respelled = fc.constantFrom(`${token}=`, ` ${token}`, `${token}\n`, token.replace(/^./, "$&*"));
  fc.assert(
    fc.property(fc.oneof(changed, cut, respelled), (text) => {
      expect(refusal(text, "binding").message).toBe("The page token was not made by this service.");
    }),
    { numRuns: 1_000 },
  );
});

test("any text is a token or an invalid_page_token failure", () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from([1, ...each]).toString("base64url"));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), bytes), (text) => {
      refusal(text, "binding");
    }),
    { numRuns: 1_000 },
  );
});

test("a payload too large for a request's page token is refused when the token is made", () => {
  expect(tokens.open(tokens.seal("x".repeat(48_000), "b"), "b")).toHaveLength(48_000);
  expect(() => tokens.seal("x".repeat(49_100), "b")).toThrow(expect.objectContaining({ kind: "too_large" }));
  refusal("A".repeat(maxPageTokenLength + 4), "b");
});
