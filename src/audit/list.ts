/** Reads an organization's audit log: page by page from the latest on, or all of it from the earliest. */
import type { EntityManager } from "@mikro-orm/postgresql";
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
export interface AuditRow {
  readonly id: string;
  readonly createTime: Date;
  readonly event: string;
  readonly outcome: AuditOutcome;
  readonly intentId: string | null;
  readonly actor: string;
  readonly authentication: string;
  readonly agent: string;
  readonly connectorId: string | null;
  readonly resource: string;
  readonly reason: string;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly rows: string | null;
  /** JSON. */
  readonly details: string;
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
  const found = await em.execute<AuditRow[]>(text, parameters);
  const rows = found.slice(0, request.size);
  const last = rows.at(-1);
  const more = found.length > request.size && last !== undefined;
  return { rows, next: more ? { time: last.createTime.getTime(), id: last.id } : undefined };
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
  if (startTime !== undefined) add("create_time >= ?", startTime);
  if (endTime !== undefined) add("create_time < ?", endTime);
  if (actor !== "") add("actor = ?", actor);
  if (connectorId !== "") add("connector_id = ?", connectorId);
  if (agent !== "") add("agent = ?", agent);
  if (outcome !== undefined) add("outcome = ?", outcome);
  if (after !== undefined) add(`(create_time, id) ${beyond} (?, ?::uuid)`, new Date(after.time), after.id);
  const text = `
    SELECT event.id, event.create_time AS "createTime", event.event, event.outcome, event.intent_id AS "intentId",
      event.actor, event.authentication, event.agent, event.connector_id AS "connectorId", event.resource,
      event.reason, event.request_id AS "requestId", event.client_address AS "clientAddress",
      event.rows::text AS rows, event.details, link.sequence::text AS sequence, link.hash
    FROM (
      SELECT * FROM audit_event WHERE ${conditions.join(" AND ")}
      ORDER BY create_time ${direction}, id ${direction} LIMIT ?
    ) AS event LEFT JOIN audit_link AS link
      ON link.organization_id = event.organization_id AND link.event_id = event.id
        AND link.event_time = event.create_time AND link.create_time >= event.create_time
    ORDER BY event.create_time ${direction}, event.id ${direction}`;
  return { text, parameters: [...parameters, size + 1] };
}
