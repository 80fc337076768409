/** A live handle to one PostgreSQL database for one user: a few connections, and what was learned of its catalogue. */
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
import { columnsOf, explanationOf, hasPlan, readPage } from "../sql/page.ts";
import { sessionPool } from "../sql/session-pool.ts";
import { commented, traceComment } from "../sql/trace-comment.ts";
import { change, tidying } from "./change.ts";
import type { RunCommands } from "./commands.ts";
import { type Login, SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { readPlan } from "./explain.ts";
import { createPlanner, type Plan, type Source } from "./plan.ts";
import { refuseRisky } from "./privileges.ts";
import type { Statement } from "./reading.ts";
import { readSchema } from "./schema.ts";
import { testConnection } from "./test.ts";

/** What the configuration says besides how to log in. */
interface Habits {
  /** Functions that native statements may call whatever they do, as `public.rate`. */
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
  const { database, user } = login;
  const planner = createPlanner(login.functions);

  /** The catalogue is not what it was taken to be when a relation or a field of it is missing. */
  const meaningFor =
    (query?: ReadQuery, changes = false): MeaningOf =>
    (error) => {
      const statement = query?.kind === "native" ? { statement: query.text } : {};
      const failure = classify(error, { database, user, changes, ...statement });
      if (failure?.status?.startsWith("42")) planner.forget();
      const stopped = failure?.kind === "cancelled" && failure.status !== undefined;
      return stopped ? stoppedBySource(failure, "statement_timeout") : failure;
    };

  const borrow = (call: Call, query?: ReadQuery) => Borrowed.from(pool, call, meaningFor(query));

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
      return borrowed.during(() => readSchema(borrowed.run));
    },
    query: (query, page, call) =>
      withPlan(query, page, call, (borrowed, plan) => pageFrom(borrowed, marked(plan, call), page)),
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
      const borrowed = await Borrowed.from(pool, call, meaningFor(undefined, true));
      return borrowed.during(async () => {
        const compiled = await planner.change(sourceOf(borrowed), request);
        if (request.dryRun) return rehearse(compiled, ({ text, parameters }) => borrowed.run(text, parameters));
        const comment = traceComment(context, call);
        const command: RunCommands = (commands, options) => {
          const sent = commands.map((each) => commented(each, comment));
          return borrowed.changes((connection) => connection.command(sent, options));
        };
        const result = await change(compiled, request, { command, timeoutMs: borrowed.timeoutMs });
        borrowed.leaves((connection) => connection.command(tidying));
        return result;
      });
    },
    async close() {
      pool.close();
    },
  };
}

function sourceOf({ connection, run }: Lent): Source {
  return { run, describe: (text) => connection.describe(text) };
}

const begin = (borrowed: Lent, statement: Statement) =>
  borrowed.reads((connection, timeoutMs) => connection.read(statement, timeoutMs));

async function pageFrom(borrowed: Lent, plan: Plan, request: PageRequest): Promise<Page> {
  const { text, parameters, select, leavesTraces } = plan;
  // A statement of the caller's own can't be given a LIMIT: the server stops it.
  const own = select === undefined ? { maxRows: request.size + 1, native: true, leavesTraces } : {};
  const reading = begin(borrowed, { text, parameters, columns: columnsOf(plan), ...own });
  const { page, cut } = await readPage(reading, plan, request);
  if (cut) borrowed.abandon();
  return page;
}

async function explain(borrowed: Lent, query: ReadQuery, plan: Plan): Promise<Explanation> {
  const { text, parameters } = plan;
  const rows = hasPlan(text) ? await borrowed.run(`EXPLAIN (FORMAT JSON) ${text}`, parameters) : [];
  const cell = rows[0]?.[0];
  return explanationOf(query, plan, typeof cell === "string" ? readPlan(cell) : {});
}

async function beginStream(borrowed: Lent, plan: Plan): Promise<RowStream> {
  const { text, parameters, fields, select, leavesTraces } = plan;
  const native = select === undefined;
  const reading = begin(borrowed, { text, parameters, columns: fields.length, stepwise: true, native, leavesTraces });
  await reading.described;
  return { fields, batches: batchesOf(borrowed, reading) };
}
