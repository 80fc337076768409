/** What tests of authentication start from. */
import { inspect } from "node:util";
import { expect } from "vitest";
import { createDial, type Dial } from "../../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../../src/egress/policy.ts";
import { Failure } from "../../../../src/failure.ts";
import type { Call } from "../../../../src/providers/contract.ts";
import {
  type AuthenticationConfig,
  type AuthenticationCredential,
  authenticationConfig,
  authenticationCredential,
} from "../../../../src/providers/http/auth/declaration.ts";
import type { HttpRequest } from "../../../../src/providers/http/exchange.ts";

/** To this machine alone. */
export const dial: Dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8", "::1/128"] }));

export function call(signal: AbortSignal = new AbortController().signal): Call {
  return { signal, deadline: Infinity, enter: () => {}, settling: () => {}, quota: () => {} };
}

export function get(url: string, headers: Record<string, string> = {}): HttpRequest {
  return { method: "GET", url: new URL(url), headers };
}

export function post(url: string, body: string, headers: Record<string, string> = {}): HttpRequest {
  return { method: "POST", url: new URL(url), headers, body: Buffer.from(body) };
}

/** As a caller gives it, with its defaults filled in. */
export const configured = (config: unknown): AuthenticationConfig => authenticationConfig.parse(config);
export const secret = (credential: unknown): AuthenticationCredential => authenticationCredential.parse(credential);

/** What it fails with, in which none of the secrets stands in any form. */
export async function failureOf(work: Promise<unknown>, ...secrets: readonly string[]): Promise<Failure> {
  const failure = await work.then(
    () => expect.fail("did not fail"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  expectHidden(failure, secrets);
  return failure as Failure;
}

/** None of the secrets stands in the value, however it is shown. */
export function expectHidden(value: unknown, secrets: readonly string[]): void {
  const shown = inspect(value, { depth: 20, showHidden: true, getters: true }) + JSON.stringify(value) + String(value);
  const forms = secrets.flatMap((text) => {
    const bytes = Buffer.from(text);
    return [text, bytes.toString("base64"), bytes.toString("hex"), encodeURIComponent(text)];
  });
  expect(forms.filter((form) => form !== "" && shown.includes(form))).toEqual([]);
}
