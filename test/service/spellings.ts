/** How a secret may be written. */
import { createHash } from "node:crypto";

/** Finds any of the secrets, however it is written, in bytes that are read as Latin-1. One search is faster than many. */
export function anySpelling(secrets: readonly string[]): RegExp {
  const texts = secrets.flatMap(spellings).map((bytes) => bytes.toString("latin1"));
  return new RegExp(texts.map(RegExp.escape).join("|"));
}

function spellings(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  // Base64 of a text that holds it, at each of the three places that it may begin at.
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return text.slice(Math.ceil((before * 4) / 3), -4).replace(/=+$/, "");
  });
  const texts = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    ...hexadecimal(bytes),
    encodeURIComponent(secret),
    encodeURI(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    // Its random part alone, however the rest is written.
    /[\w-]{16}/.exec(secret)?.[0] ?? secret,
  ];
  return [...[...new Set(texts)].map((text) => Buffer.from(text)), ...digests(bytes)];
}

/**
 * What servers of MySQL's kind keep of a password, and what leads to it: who has the first of
 * these can log in. Source: MySQL's protocol, "Native Authentication" and "Caching SHA-2".
 */
function digests(password: Buffer): Buffer[] {
  return ["sha1", "sha256"].flatMap((name) => {
    const digest = (bytes: Buffer) => createHash(name).update(bytes).digest();
    const once = digest(password);
    return [once, digest(once)].flatMap((bytes) => [
      bytes,
      ...[...hexadecimal(bytes), bytes.toString("base64"), bytes.toString("base64url")].map((text) =>
        Buffer.from(text),
      ),
    ]);
  });
}

function hexadecimal(bytes: Buffer): string[] {
  const text = bytes.toString("hex");
  return [text, text.toUpperCase()];
}
