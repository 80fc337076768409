/** Pages of a connector's history. */
import type { EntityManager, FilterQuery } from "@mikro-orm/postgresql";
import { QueryRecord, type QueryRecordRow } from "../../store/entities/queryRecord.ts";

export interface HistoryRequest {
  readonly connectorId: string;
  /** Only calls that began at or after this instant; undefined for all. */
  readonly startTime: Date | undefined;
  /** Only calls that began before this instant; undefined for all. */
  readonly endTime: Date | undefined;
  /** Only this principal's calls; empty for all. */
  readonly principal: string;
  /** Only calls on this agent's grant; empty for all. */
  readonly agent: string;
  /** Only calls that failed. */
  readonly failed: boolean;
  readonly pageSize: number;
  /** `next` of the page before. */
  readonly after: HistoryPosition | undefined;
}

/** The last record of a page: when its call began, in milliseconds since 1970, and its id. */
export interface HistoryPosition {
  readonly time: number;
  readonly id: string;
}

export interface HistoryPage {
  /** The latest first. */
  readonly records: readonly QueryRecordRow[];
  readonly next: HistoryPosition | undefined;
}

export async function listRecords(
  em: EntityManager,
  organizationId: string,
  request: HistoryRequest,
): Promise<HistoryPage> {
  const { pageSize } = request;
  const found = await em.find(QueryRecord, conditions(organizationId, request), {
    orderBy: [{ createTime: "desc" }, { id: "desc" }],
    limit: pageSize + 1,
  });
  const records = found.slice(0, pageSize).map((record) => ({ ...record }));
  const last = records.at(-1);
  return {
    records,
    next: found.length > pageSize && last !== undefined ? { time: last.createTime.getTime(), id: last.id } : undefined,
  };
}

function conditions(organizationId: string, request: HistoryRequest): FilterQuery<QueryRecordRow> {
  const { connectorId, startTime, endTime, principal, agent, failed, after } = request;
  const all: FilterQuery<QueryRecordRow>[] = [{ organizationId, connectorId }];
  if (startTime !== undefined) all.push({ createTime: { $gte: startTime } });
  if (endTime !== undefined) all.push({ createTime: { $lt: endTime } });
  if (principal !== "") all.push({ principal });
  if (agent !== "") all.push({ agent });
  if (failed) all.push({ reason: { $ne: "" } });
  if (after !== undefined) {
    const time = new Date(after.time);
    // The first of the two is what an index finds the place by.
    all.push({ createTime: { $lte: time } }, { $or: [{ createTime: { $lt: time } }, { id: { $lt: after.id } }] });
  }
  return { $and: all };
}
