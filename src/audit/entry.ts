/** Events as rows of the audit log. */
import { randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Statement } from "../store/store.ts";
import type { AuditEvent, AuditOutcome, Details, End } from "./event.ts";

/** What is stored of an event, and hashed. What is not known is absent; `parseEntry` makes it empty. */
export interface Entry {
  readonly id: string;
  readonly event: string;
  readonly outcome: AuditOutcome;
  /** The id of the intent that this is the outcome of; empty for none, as all the following. */
  readonly intent: string;
  readonly actor: string;
  readonly authentication: string;
  readonly agent: string;
  readonly connector: string;
  readonly resource: string;
  readonly reason: string;
  /** The caller's id of the call. */
  readonly request: string;
  /** The caller's IP address. */
  readonly address: string;
  readonly rows: number | null;
  readonly details: Details;
}

/** A row before it is stored. It may be stored again when nobody knows whether it was. */
export interface NewEntry {
  readonly organizationId: string;
  /** When it was made, in milliseconds since 1970. */
  readonly createMs: number;
  readonly entry: Entry;
  /** When an intent counts as given up, in milliseconds since 1970; null for what is no intent. */
  readonly dueMs: number | null;
}

/** An event that is over, or that begins. */
export function entryOf(event: AuditEvent, end: Pick<End, "reason" | "rows"> & { outcome: AuditOutcome }): NewEntry {
  const { actor, organizationId } = event;
  const { id, createMs } = identity();
  const entry: Entry = {
    ...{ id, event: event.event, outcome: end.outcome, intent: "" },
    actor: storable(actor.principal, 255),
    authentication: actor.authentication,
    agent: storable(actor.agent ?? "", 255),
    connector: "connectorId" in event ? event.connectorId : "",
    resource: storable("resource" in event ? event.resource : ""),
    reason: end.reason ?? "",
    request: storable(actor.requestId ?? "", 64),
    address: storable(actor.clientAddress ?? "", 64),
    rows: end.rows ?? null,
    details: detailsOf(event.details),
  };
  return { organizationId, createMs, entry, dueMs: null };
}

/** How an intent ended: of the same actor, about the same thing. */
export function outcomeOf(organizationId: string, intent: Entry, end: End): NewEntry {
  const { id, createMs } = identity();
  const { outcome, reason = "", rows = null } = end;
  const details = detailsOf({ ...intent.details, ...end.details });
  return {
    ...{ organizationId, createMs, dueMs: null },
    entry: { ...intent, id, outcome, intent: intent.id, reason, rows, details },
  };
}

function textOf(entry: Entry): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== "" && value !== null)),
  );
}

const nothing = {
  ...{ intent: "", actor: "", authentication: "", agent: "", connector: "", resource: "", reason: "" },
  ...{ request: "", address: "", rows: null, details: {} },
};

/** An entry of its text, as it was stored. */
export function parseEntry(text: string): Entry {
  return { ...nothing, ...(JSON.parse(text) as Entry) };
}

const longestText = 4_096;

function detailsOf(details: Details): Details {
  const given = Object.entries(details).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([key, value]) => {
      if (typeof value === "object") return [key, value.map((each) => storable(each))];
      return [key, typeof value === "string" ? storable(value) : value];
    }),
  );
}

/** What PostgreSQL does not take as text, replaced, and no longer than there is room for. */
function storable(text: string, most = longestText): string {
  const given = text.toWellFormed().replaceAll("\0", "\u{fffd}");
  // In units of UTF-16, of which there are at least as many.
  if (given.length <= most) return given;
  const characters = [...given];
  return characters.length <= most ? given : `${characters.slice(0, most - 1).join("")}…`;
}

let lastMs = 0;
let count = 0;

/**
 * When it is, and an id of that moment: a UUID of version 7 (RFC 9562, 5.7 and 6.2, method 1),
 * later in the order of ids than all that this process made before.
 */
function identity(): { readonly id: string; readonly createMs: number } {
  const now = Date.now();
  if (now > lastMs) [lastMs, count] = [now, 0];
  else if (++count > 0xfff) [lastMs, count] = [lastMs + 1, 0];
  const time = lastMs.toString(16).padStart(12, "0");
  // Whose last two groups have the variant of all UUIDs, and 62 random bits.
  const random = randomUUID().slice(19);
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, "0")}-${random}`;
  return { id, createMs: lastMs };
}

/**
 * Stores entries of one organization. One that is there already is left as it is.
 * @param atOnce Whether they are linked with it, where nobody else is at the chain: then it is locked until the end
 *   of the transaction
 */
export function insertion(organizationId: string, entries: readonly NewEntry[], atOnce: boolean): Statement {
  const parameters = [
    organizationId,
    arrayOf(entries.map(({ entry }) => entry.id)),
    arrayOf(entries.map(({ createMs }) => timeOf(createMs))),
    arrayOf(entries.map(({ entry }) => textOf(entry))),
    arrayOf(entries.map(({ dueMs }) => (dueMs === null ? null : timeOf(dueMs)))),
    arrayOf(entries.map(({ entry }) => entry.intent).filter((intent) => intent !== "")),
    atOnce,
  ];
  return { text: insertionText, parameters };
}

const given = (type: string) => `convert_from(?, 'UTF8')::${type}[]`;
const insertionText = `SELECT audit_append_events(?, ${given("uuid")}, ${given("timestamptz")}, ${given("text")}, ${given("timestamptz")}, ${given("uuid")}, ?)`;

const timeOf = (ms: number) => new Date(ms).toISOString();

/** As PostgreSQL writes an array. In bytes: a text the ORM would write into the statement letter by letter. */
function arrayOf(values: readonly (string | null)[]): Buffer {
  const elements = values.map((value) => (value === null ? "NULL" : `"${value.replace(/["\\]/g, "\\$&")}"`));
  return Buffer.from(`{${elements.join(",")}}`);
}

/** The same, in a transaction of the organization that goes on. */
export async function insertEntries(
  em: EntityManager,
  organizationId: string,
  entries: readonly NewEntry[],
): Promise<void> {
  const { text, parameters } = insertion(organizationId, entries, false);
  await em.execute(text, [...parameters]);
}
