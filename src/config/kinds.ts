/** The kinds of values that variables take, each with what to say of one that is none. */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { certificatesProblem } from "../egress/certificates.ts";

export const seconds = (fallback: number) => {
  const message = "must be a number of seconds, more than 0 and at most 86400";
  return z.coerce
    .number(message)
    .positive(message)
    .max(86_400, message)
    .default(fallback)
    .transform((value) => value * 1_000);
};

export const whole = (least: number, most: number) => {
  const message = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(least, message).max(most, message));
};

export const file = z.string().transform((path, context) => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    context.addIssue(`must be a file that the service can read (${(error as NodeJS.ErrnoException).code})`);
    return z.NEVER;
  }
});

export const directory = z.string().refine((path) => {
  return isAbsolute(path) && statSync(path, { throwIfNoEntry: false })?.isDirectory();
}, "must be the absolute path of a directory");

export const certificates = z.string().superRefine((pem, context) => {
  const problem = certificatesProblem(pem);
  if (problem !== undefined) context.addIssue(`must be a file of certificates: it ${problem}`);
});

export const key = /^[0-9a-f]{64}$/i;
export const keyWithId = /^[A-Za-z0-9._-]{1,63}:[0-9a-f]{64}$/i;
export const keyHint = "what `openssl rand -hex 32` prints";

export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

/** Of pages: `https://app.example.com`. */
export const origins = list.refine(
  (all) => all.every((each) => isBrowsable(each) && URL.parse(each)?.origin === each),
  "must be https origins with commas between, such as https://app.example.com, or http ones of this machine",
);

/** Of addresses: `10.20.0.0/16`. */
export const ranges = list.refine(
  (all) => all.every(isRange),
  "must be ranges of addresses with commas between, such as 10.20.0.0/16 or fd00::/8, and 10.20.0.7/32 for one address",
);

function isRange(text: string): boolean {
  const [, network = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(network)] ?? -1;
  return Number(bits) <= most;
}

/** What a browser brings goes over the network: in the clear on this machine only. */
export function isBrowsable(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return (
    url.protocol === "https:" || (url.protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
  );
}

export const databaseUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}, "must be written as postgres://user:password@host:5432/database, percent-encoded");

export function isRedisUrl(text: string): boolean {
  return /^rediss?:$/.test(URL.parse(text)?.protocol ?? "");
}

/** Without TLS only on this machine, which `problemsTogether` allows in development alone. */
export function isKeySetUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
