/** A live handle to one MySQL or MariaDB database for one user: a few connections, and what was learned of its catalogue. */
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
import { rehearse } from "../sql/action-end.ts";
import { Borrowed, batchesOf, type MeaningOf, stoppedBySource } from "../sql/borrowed.ts";
import { columnsOf, explanationOf, hasPlan, readPage, type SqlPlan } from "../sql/page.ts";
import { sessionPool } from "../sql/session-pool.ts";
import { commented, traceComment } from "../sql/trace-comment.ts";
import { change } from "./change.ts";
import { SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { readPlan } from "./explain.ts";
import type { Login } from "./login.ts";
import { createPlanner, type Plan, type Source } from "./plan.ts";
import { refuseRisky } from "./privileges.ts";
import type { Reading } from "./reading.ts";
import { readSchema } from "./schema.ts";
import { testConnection } from "./test.ts";
import { fieldOf } from "./types.ts";
import { createWriter } from "./writer.ts";

/** What the configuration says besides how to log in. */
interface Habits {
  /** Functions that native statements may call whatever they do, as `shop.rate`. */
  readonly functions?: readonly string[] | undefined;
}

type Lent = Borrowed<SourceConnection>;

export function openSession(login: Login & Habits, password: string, context: SessionContext): Session {
  const secret = new Secret(password);
  const pool = sessionPool<SourceConnection>(
    {
      host: login.host,
      open: (signal) => SourceConnection.open(login, secret.reveal(), context.dial, signal),
      refuseRisky,
    },
    context,
  );
  const { database, user, functions } = login;
  const planner = createPlanner(database, functions);

  /** The catalogue may not be what it was taken to be when a table or a field of it is missing. */
  const meaningFor =
    (call: Call, query?: ReadQuery, changes = false): MeaningOf =>
    (error) => {
      // The server quotes what it was sent.
      const sent = query?.kind === "native" ? { statement: query.text, comment: traceComment(context, call) } : {};
      const failure = classify(error, { database, user, changes, ...sent });
      if (failure?.status?.startsWith("42")) planner.forget();
      const stopped = failure?.kind === "cancelled" && failure.status !== undefined;
      return stopped ? stoppedBySource(failure, "max_execution_time or max_statement_time") : failure;
    };

  const borrow = (call: Call, query?: ReadQuery) => Borrowed.from(pool, call, meaningFor(call, query));

  const marked = (plan: Plan, call: Call) => commented(plan, traceComment(context, call));

  /** Plans and runs on a connection that is the call's own until `work` has ended. */
  async function withPlan<T>(
    query: ReadQuery,
    page: PageRequest,
    call: Call,
    work: (borrowed: Lent, plan: Plan) => Promise<T>,
  ): Promise<T> {
    const borrowed = await borrow(call, query);
    return borrowed.during(async () => work(borrowed, await planner.plan(sourceOf(borrowed), query, page)));
  }

  return {
    test: (call) => testConnection(login, secret.reveal(), context, call),
    async schema(call) {
      const borrowed = await borrow(call);
      return borrowed.during(() => readSchema(borrowed.run, { database, server: borrowed.connection.server }));
    },
    query: (query, page, call) =>
      withPlan(query, page, call, (borrowed, plan) => pageOf(borrowed, marked(plan, call), page)),
    explain: (query, page, call) => withPlan(query, page, call, (borrowed, plan) => explain(borrowed, query, plan)),
    async stream(query, call) {
      const borrowed = await borrow(call, query);
      try {
        const plan = await planner.plan(sourceOf(borrowed), query);
        return await beginStream(borrowed, marked(plan, call));
      } catch (error) {
        throw borrowed.failed(error);
      }
    },
    async execute(request, call) {
      const borrowed = await Borrowed.from(pool, call, meaningFor(call, undefined, true));
      return borrowed.during(async () => {
        const plan = await planner.change(sourceOf(borrowed), request);
        if (request.dryRun) return rehearse(plan.compiled, ({ text, parameters }) => borrowed.run(text, parameters));
        return change(plan, request, createWriter(borrowed, request.maxBytes, traceComment(context, call)));
      });
    },
    async close() {
      pool.close();
    },
  };
}

function sourceOf({ connection, run }: Lent): Source {
  return { server: connection.server, run };
}

function begin(borrowed: Lent, { text, bound, select, fields = [], ...plan }: Plan, maxRows?: number): Reading {
  const own =
    select === undefined ? { native: true, maxRows } : { columns: columnsOf({ ...plan, text, select, fields }) };
  return borrowed.reads((connection, timeoutMs) => connection.read({ text, parameters: bound, ...own }, timeoutMs));
}

/** The plan with the fields that the server has described, for a native statement. */
async function described(reading: Reading, plan: Plan): Promise<SqlPlan> {
  const columns = await reading.described;
  return { ...plan, fields: plan.fields ?? columns.map(fieldOf) };
}

async function pageOf(borrowed: Lent, plan: Plan, request: PageRequest): Promise<Page> {
  // A statement of the caller's own can't be given a LIMIT: the server stops it, or we do.
  const reading = begin(borrowed, plan, request.size + 1);
  const { page, cut } = await readPage(reading, await described(reading, plan), request);
  if (cut || reading.cut) borrowed.abandon();
  return page;
}

async function beginStream(borrowed: Lent, plan: Plan): Promise<RowStream> {
  const reading = begin(borrowed, plan);
  const { fields } = await described(reading, plan);
  return { fields, batches: batchesOf(borrowed, reading) };
}

async function explain(borrowed: Lent, query: ReadQuery, plan: Plan): Promise<Explanation> {
  const sent = { ...plan, fields: plan.fields ?? [] };
  if (!hasPlan(plan.text)) return explanationOf(query, sent);
  const { text, bound: parameters } = plan;
  const statement = { text: `EXPLAIN FORMAT=JSON ${text}`, parameters, native: query.kind === "native" };
  const rows = await borrowed.connection.rows(statement, borrowed.timeoutMs);
  const cell = rows[0]?.[0];
  return explanationOf(query, sent, typeof cell === "string" ? readPlan(cell) : {});
}
