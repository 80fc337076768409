/** Reads an organization's audit log: page by page from the latest on, or all of it from the earliest. */
import type { EntityManager } from "@mikro-orm/postgresql";
import { type Entry, parseEntry } from "./entry.ts";
import type { AuditOutcome } from "./event.ts";

export interface AuditFilter {
  /** Written at or after this instant; undefined for all. */
  readonly startTime: Date | undefined;
  /** Written before this instant; undefined for all. */
  readonly endTime: Date | undefined;
  /** Empty for all, as the following ones. */
  readonly actor: string;
  readonly connectorId: string;
  readonly agent: string;
  readonly outcome: AuditOutcome | undefined;
}

/** The last entry of a page: when it was written, in milliseconds since 1970, and its id. */
export interface AuditPosition {
  readonly time: number;
  readonly id: string;
}

/** An entry, and its place in the chain, which it gets within a second. */
export interface AuditRow extends Entry {
  readonly createTime: Date;
  readonly sequence: string | null;
  readonly hash: Buffer | null;
}

export interface AuditPage {
  readonly rows: readonly AuditRow[];
  readonly next: AuditPosition | undefined;
}

export interface AuditPageRequest extends AuditFilter {
  readonly size: number;
  /** `next` of the page before. */
  readonly after: AuditPosition | undefined;
  readonly order: "latest_first" | "earliest_first";
}

export async function readPage(
  em: EntityManager,
  organizationId: string,
  request: AuditPageRequest,
): Promise<AuditPage> {
  const { text, parameters } = statement(organizationId, request);
  const found = await em.execute<StoredRow[]>(text, parameters);
  const rows = found.slice(0, request.size).map(({ entry, createMs, ...row }) => {
    return { ...parseEntry(entry), ...row, createTime: new Date(Number(createMs)) };
  });
  const last = rows.at(-1);
  const more = found.length > request.size && last !== undefined;
  return { rows, next: more ? { time: last.createTime.getTime(), id: last.id } : undefined };
}

interface StoredRow extends Pick<AuditRow, "sequence" | "hash"> {
  readonly entry: string;
  readonly createMs: string;
}

function statement(organizationId: string, request: AuditPageRequest) {
  const { startTime, endTime, actor, connectorId, agent, outcome, size, after, order } = request;
  const [beyond, direction] = order === "latest_first" ? ["<", "DESC"] : [">", "ASC"];
  const conditions: string[] = ["organization_id = ?"];
  const parameters: unknown[] = [organizationId];
  const add = (condition: string, ...values: unknown[]) => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (startTime !== undefined) add("create_time >= ?::timestamptz", startTime.toISOString());
  if (endTime !== undefined) add("create_time < ?::timestamptz", endTime.toISOString());
  if (actor !== "") add("actor = ?", actor);
  if (connectorId !== "") add("connector_id = ?", connectorId);
  if (agent !== "") add("agent = ?", agent);
  if (outcome !== undefined) add("outcome = ?", outcome);
  if (after !== undefined)
    add(`(create_time, id) ${beyond} (?::timestamptz, ?::uuid)`, new Date(after.time).toISOString(), after.id);
  const text = `
    SELECT (date_part('epoch', event.create_time) * 1000)::bigint::text AS "createMs", event.entry, link.sequence::text AS sequence, link.hash
    FROM (
      SELECT * FROM audit_event WHERE ${conditions.join(" AND ")}
      ORDER BY create_time ${direction}, id ${direction} LIMIT ?
    ) AS event LEFT JOIN audit_link AS link
      ON link.organization_id = event.organization_id AND link.event_id = event.id
        AND link.event_time = event.create_time AND link.create_time >= event.create_time
    ORDER BY event.create_time ${direction}, event.id ${direction}`;
  return { text, parameters: [...parameters, size + 1] };
}
