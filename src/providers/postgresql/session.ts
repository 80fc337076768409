/** A live handle to one PostgreSQL database for one user: a few connections, and what was learned of its catalogue. */
import type { PackedBatch } from "../../rows/packed.ts";
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
import { columnsOf, explanationOf, hasPlan, readPage } from "../sql/page.ts";
import { ConnectionPool } from "../sql/pool.ts";
import { Borrowed } from "./borrowed.ts";
import { change, rehearse } from "./change.ts";
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
    query: (query, page, call) => withPlan(query, page, call, (borrowed, plan) => pageFrom(borrowed, plan, page)),
    explain: (query, page, call) => withPlan(query, page, call, (borrowed, plan) => explain(borrowed, query, plan)),
    async stream(query, call) {
      const borrowed = await Borrowed.from(pool, call, { ...login, query, planner });
      return beginStream(borrowed, planner, query);
    },
    async execute(request, call) {
      const borrowed = await Borrowed.from(pool, call, { ...login, planner, changes: true });
      return borrowed.during(async () => {
        const compiled = await planner.change(borrowed, request);
        if (request.dryRun) return rehearse(compiled, ({ text, parameters }) => borrowed.run(text, parameters));
        return change(compiled, request, borrowed);
      });
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

async function pageFrom(borrowed: Borrowed, plan: Plan, request: PageRequest): Promise<Page> {
  const { text, parameters, select, leavesTraces } = plan;
  // A statement of the caller's own can't be given a LIMIT: the server stops it.
  const own = select === undefined ? { maxRows: request.size + 1, native: true, leavesTraces } : {};
  const reading = borrowed.read({ text, parameters, columns: columnsOf(plan), ...own });
  const { page, cut } = await readPage(reading, plan, request);
  if (cut) borrowed.abandon();
  return page;
}

async function explain(borrowed: Borrowed, query: ReadQuery, plan: Plan): Promise<Explanation> {
  const { text, parameters } = plan;
  const rows = hasPlan(text) ? await borrowed.run(`EXPLAIN (FORMAT JSON) ${text}`, parameters) : [];
  const cell = rows[0]?.[0];
  return explanationOf(query, plan, typeof cell === "string" ? readPlan(cell) : {});
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
