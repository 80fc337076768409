/** Tests a connector of an HTTP API: one GET on a connection of its own, and which steps it took. */
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import type { Call, Check, TestReport } from "../contract.ts";
import { passedOver } from "./changing/change.ts";
import type { HttpAnswer, HttpClient, HttpRequest } from "./exchange.ts";
import { notThere } from "./reading/source.ts";

export interface Tested {
  readonly base: URL;
  /** A client that nobody else uses. */
  connect(dial: Dial): HttpClient;
  readonly dial: Dial;
  readonly request: HttpRequest;
  /** The source is not asked who it is; then it says nothing of a credential. */
  readonly isAnonymous: boolean;
  /** What was left out of the connector's OpenAPI document, and why; a Failure where it can't be used. */
  notes(): Promise<readonly string[]>;
}

const order = ["configuration", "connect", "tls", "authenticate", "query"] as const;

export async function tested(what: Tested, call: Call): Promise<TestReport> {
  const { base, connect, dial, request, isAnonymous, notes } = what;
  const checks: Check[] = [passed("configuration", "The configuration is complete.")];
  const place = `${base.hostname} answers on port ${base.port || (base.protocol === "https:" ? "443" : "80")}.`;
  const client = connect(async (...target) => {
    const socket = await dial(...target);
    if (checks.length === 1) checks.push(passed("connect", place));
    return socket;
  });
  try {
    const answer = await client.send(request, call);
    const { tls } = answer;
    const serverVersion = versionOf(answer);
    await passedOver(answer);
    const who = isAnonymous ? "The source asks nobody who they are." : "The source accepts the credential.";
    checks.push(tlsCheck(tls), passed("authenticate", who), passed("query", "The source answers what it is asked."));
    // By now it is known that the source serves what it is asked, its own document among it.
    checks[0] = await configurationCheck(notes);
    const ok = checks[0].outcome !== "failed";
    return { ok, serverVersion, tls, readOnly: false, user: "", checks };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.kind === "cancelled" || error.kind === "shutting_down") throw error;
    const failure = error.kind === "unknown_resource" ? notThere("what the test asks for", error) : error;
    return {
      ok: false,
      serverVersion: "",
      tls: "",
      readOnly: false,
      user: "",
      checks: failedAt(failure, checks, base),
    };
  } finally {
    await client.close();
  }
}

const passed = (name: Check["name"], message: string): Check => {
  return { name, outcome: "passed", message, remedy: "", reason: "" };
};

/** Notes that are shown; what follows them is of the same kinds. */
const maxNotes = 5;

async function configurationCheck(notes: () => Promise<readonly string[]>): Promise<Check> {
  try {
    const all = await notes();
    if (all.length === 0) return passed("configuration", "The configuration is complete.");
    const more = all.length > maxNotes ? [`There are ${all.length - maxNotes} more such notes.`] : [];
    return {
      ...{ name: "configuration", outcome: "warning", reason: "" },
      message: ["The OpenAPI document is used in parts.", ...all.slice(0, maxNotes), ...more].join(" "),
      remedy: "Declare what is missing under `resources` and `actions`: what is declared goes before the document.",
    };
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "configuration_rejected") throw error;
    const { message, remedy = "", kind } = error;
    return { name: "configuration", outcome: "failed", message, remedy, reason: kind.toUpperCase() };
  }
}

function tlsCheck(protocol: string): Check {
  if (protocol !== "")
    return passed("tls", `The connection is encrypted with ${protocol} and the server's certificate was verified.`);
  return {
    ...{ name: "tls", outcome: "warning", message: "The connection is not encrypted, as the configuration asks." },
    ...{ remedy: "Use https:// in `base_url` unless the network itself is trusted.", reason: "" },
  };
}

/** What a server calls itself, if it does so in the usual way: a product, or a product and its version. */
function versionOf({ status, headers }: HttpAnswer): string {
  const server = /^[\w.-]{1,40}(?:\/[\w.-]{1,40})?/.exec(headers.server ?? "")?.[0];
  return server === undefined ? `HTTP ${status}` : `HTTP ${status}, ${server}`;
}

/** The check that failed, those that it tells to have passed before, and those that were not made. */
function failedAt(failure: Failure, done: readonly Check[], base: URL): Check[] {
  const { kind, message, remedy = "", metadata } = failure;
  // Tokens come first: without one the source is not asked.
  const isUnasked = metadata.authorization_server !== undefined;
  const step = isUnasked ? "authenticate" : stepOf(failure);
  const at = order.indexOf(step);
  const before = (name: Check["name"]) => (isUnasked ? skipped(name) : madeBefore(name, base));
  return [
    ...order.slice(0, at).map((name) => done.find((check) => check.name === name) ?? before(name)),
    { name: step, outcome: "failed", message, remedy, reason: kind.toUpperCase() },
    ...order.slice(at + 1).map(skipped),
  ];
}

const skipped = (name: Check["name"]): Check => {
  return { name, outcome: "skipped", message: "", remedy: "", reason: "" };
};

function madeBefore(name: Check["name"], { protocol }: URL): Check {
  if (name === "tls" && protocol === "http:") return tlsCheck("");
  return passed(name, name === "tls" ? "The connection is encrypted." : "The source lets the service in.");
}

function stepOf({ kind, status }: Failure): (typeof order)[number] {
  switch (kind) {
    case "egress_denied":
    case "upstream_unreachable":
      return "connect";
    case "tls_failed":
      return "tls";
    case "credential_rejected":
      return "authenticate";
    default:
      // Without a status nothing was answered.
      return kind === "deadline_exceeded" && status === undefined ? "connect" : "query";
  }
}
