import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { anySpelling } from "./spellings.ts";

const secret = `Cáñary/q8Zr-5Vb_2Lx0TnW4+"&é`;
const sought = anySpelling(["another", secret]);
const sha1 = (bytes: string | Buffer) => createHash("sha1").update(bytes).digest();

test.each([
  ["as it is", secret],
  ["as JSON has it", JSON.stringify({ password: secret })],
  ["in hexadecimal", Buffer.from(`x${secret}x`).toString("hex")],
  ["in base64", Buffer.from(secret).toString("base64")],
  ["in base64 within another text", Buffer.from(`user:${secret}@host`).toString("base64")],
  ["in base64url", Buffer.from(`a:${secret}`).toString("base64url")],
  ["in a URL", `mysql://reader:${encodeURIComponent(secret)}@host/d`],
  ["in a form", new URLSearchParams({ secret }).toString()],
  ["as MySQL stores it", `*${sha1(sha1(secret)).toString("hex").toUpperCase()}`],
  ["as the bytes that log in", sha1(secret)],
  ["as SHA-256 in base64", createHash("sha256").update(secret).digest("base64")],
])("a secret is found %s", (_, place) => {
  expect(sought.test(`before ${Buffer.from(place).toString("latin1")} behind`)).toBe(true);
});

test("what is no secret is not found", () => {
  expect(sought.test("Canary, and its hash: 5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")).toBe(false);
});
