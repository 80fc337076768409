/** A live handle to one PostgreSQL database for one user: a few connections, and what was learned of its catalogue. */
import type { PackedBatch } from "../../rows/packed.ts";
import { textRows, trimmed } from "../../rows/page.ts";
import { Secret } from "../../vault/secret.ts";
import type {
  Call,
  Explanation,
  Page,
  PageRequest,
  ReadQuery,
  RowStream,
  Session,
  SessionContext,
} from "../contract.ts";
import { ConnectionPool } from "../sql/pool.ts";
import { nextContinuation } from "../sql/select.ts";
import { Borrowed } from "./borrowed.ts";
import { type Login, SourceConnection } from "./connection.ts";
import { readPlan } from "./explain.ts";
import { createPlanner, type Plan, type Planner } from "./plan.ts";
import { refuseRisky } from "./privileges.ts";
import type { Reading } from "./reading.ts";
import { readSchema } from "./schema.ts";
import { testConnection } from "./test.ts";

/** Milliseconds after which an unused connection is closed. */
const idleMs = 30_000;

/** What the configuration says besides how to log in. */
interface Habits {
  /** Functions that native statements may call whatever they do, as `public.rate`. */
  readonly functions?: readonly string[] | undefined;
}

export function openSession(
  login: Login & Habits,
  password: string,
  { dial, maxConnections, places, refuseRiskyPrivileges = false }: SessionContext,
): Session {
  const secret = new Secret(password);
  const pool = new ConnectionPool<SourceConnection>({
    max: maxConnections,
    idleMs,
    places,
    host: login.host,
    open: async (signal) => {
      const connection = await SourceConnection.open(login, secret.reveal(), dial, signal);
      return refuseRiskyPrivileges ? unlessRisky(connection, signal) : connection;
    },
    close: (connection) => connection.close(),
    isOpen: (connection) => connection.isOpen,
    check: (connection, signal) => connection.answers(signal),
  });
  const planner = createPlanner(login.functions);

  /** Plans and runs on a connection that is the call's own until `work` has ended. */
  async function withPlan<T>(
    query: ReadQuery,
    page: PageRequest,
    call: Call,
    work: (borrowed: Borrowed, plan: Plan) => Promise<T>,
  ): Promise<T> {
    const borrowed = await Borrowed.from(pool, call, { ...login, query, planner });
    return borrowed.during(async () => work(borrowed, await planner.plan(borrowed, query, page)));
  }

  return {
    test: (call) => testConnection(login, secret.reveal(), { dial, places, refuseRiskyPrivileges }, call),
    async schema(call) {
      const borrowed = await Borrowed.from(pool, call, { ...login, planner });
      return borrowed.during(() => readSchema(borrowed.run));
    },
    query: (query, page, call) => withPlan(query, page, call, (borrowed, plan) => readPage(borrowed, plan, page)),
    explain: (query, page, call) => withPlan(query, page, call, (borrowed, plan) => explain(borrowed, query, plan)),
    async stream(query, call) {
      const borrowed = await Borrowed.from(pool, call, { ...login, query, planner });
      return beginStream(borrowed, planner, query);
    },
    async close() {
      pool.close();
    },
  };
}

/** The connection, or none when its user may do more than the policy lets one. */
async function unlessRisky(connection: SourceConnection, signal: AbortSignal): Promise<SourceConnection> {
  try {
    await refuseRisky(connection, signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function readPage(borrowed: Borrowed, plan: Plan, page: PageRequest): Promise<Page> {
  const { text, parameters, fields, paging, select, leavesTraces } = plan;
  const columns = fields.length + (select?.hiddenKeyCount ?? 0);
  // A statement of the caller's own can't be given a LIMIT: the server stops it.
  const reading = borrowed.read({
    text,
    parameters,
    columns,
    ...(select === undefined ? { maxRows: page.size + 1, native: true, leavesTraces } : {}),
  });
  const { batches, rows, cut } = await collect(reading, columns, page.maxBytes);
  if (cut) borrowed.abandon();
  const wanted = select === undefined ? page.size : (select.pageRows ?? rows);
  const more = cut || rows > wanted;
  const kept = firstRows(batches, Math.min(rows, wanted), columns, fields.length);
  return {
    fields,
    batches: kept.batches,
    continuation:
      more && select !== undefined ? nextContinuation(select, Math.min(rows, wanted), kept.lastRow) : undefined,
    paging,
    truncated: more && select === undefined,
  };
}

/** Bytes that a typed value takes beyond its packed cell, about: tags and sizes, which can be most of a small one. */
const valueOverhead = 5;

/** Whole batches up to a size; the first always. */
async function collect(reading: Reading, columns: number, maxBytes: number) {
  const batches: PackedBatch[] = [];
  let rows = 0;
  let bytes = 0;
  for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
    batches.push(batch);
    rows += batch.rows;
    bytes += batch.size + batch.rows * columns * valueOverhead;
    if (bytes >= maxBytes) return { batches, rows, cut: true };
  }
  return { batches, rows, cut: false };
}

/** The first rows with the first fields of each, and all cells of the last of them as text. */
function firstRows(batches: readonly PackedBatch[], count: number, columns: number, fieldCount: number) {
  const kept: PackedBatch[] = [];
  let lastRow: readonly (string | null)[] = [];
  let left = count;
  for (const batch of batches) {
    const rows = Math.min(left, batch.rows);
    if (rows === 0) break;
    left -= rows;
    if (left === 0) lastRow = textRows(batch, columns)[rows - 1] ?? [];
    kept.push(trimmed(batch, columns, fieldCount, rows));
  }
  return { batches: kept, lastRow };
}

async function explain(borrowed: Borrowed, query: ReadQuery, plan: Plan): Promise<Explanation> {
  const { text, parameters, paging } = plan;
  const rows = hasPlan(text) ? await borrowed.run(`EXPLAIN (FORMAT JSON) ${text}`, parameters) : [];
  const cell = rows[0]?.[0];
  const read = typeof cell === "string" ? readPlan(cell) : undefined;
  return {
    statement: text,
    parameters: parameters.map((parameter) => parameter ?? "NULL"),
    pushedDown: query.kind === "native" ? [] : pushedDown(query, paging !== "single"),
    paging,
    plan: read?.plan,
    estimatedRows: read?.estimatedRows,
    estimatedCost: read?.estimatedCost,
  };
}

/** What is an EXPLAIN or a SHOW itself, behind spaces and comments, has no plan of its own. */
function hasPlan(text: string): boolean {
  return !/^(?:\s|--.*|\/\*[\s\S]*?\*\/)*(?:explain|show)\b/i.test(text);
}

/** PostgreSQL carries out every part of a query. */
function pushedDown(query: Extract<ReadQuery, { kind: "resource" }>, paged: boolean): string[] {
  return [
    ...(query.fields.length > 0 ? ["fields"] : []),
    ...(query.filter !== undefined ? ["filter"] : []),
    ...(query.orderBy.length > 0 ? ["order_by"] : []),
    ...(query.limit !== undefined ? ["limit"] : []),
    ...(paged ? ["page_token"] : []),
  ];
}

async function beginStream(borrowed: Borrowed, planner: Planner, query: ReadQuery): Promise<RowStream> {
  try {
    const plan = await planner.plan(borrowed, query);
    const { text, parameters, fields, select, leavesTraces } = plan;
    const columns = fields.length;
    const native = select === undefined;
    const reading = borrowed.read({ text, parameters, columns, stepwise: true, native, leavesTraces });
    await reading.described;
    return { fields, batches: batches(borrowed, reading) };
  } catch (error) {
    throw borrowed.failed(error);
  }
}

async function* batches(borrowed: Borrowed, reading: Reading): AsyncGenerator<PackedBatch> {
  try {
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) yield batch;
  } catch (error) {
    throw borrowed.failed(error);
  } finally {
    if (reading.finished) borrowed.giveBack();
    else borrowed.abandon();
  }
}
