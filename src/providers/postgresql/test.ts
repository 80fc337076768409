/** Tests a connection step by step, and says what is wrong and how to mend it. */
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import type { Call, Check, SessionContext, Settled, TestReport } from "../contract.ts";
import { type Login, SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { openSocket, type SourceSocket } from "./socket.ts";

/** Everything that a user may do which a reader of data should not be able to. */
const factsQuery = `SELECT
  current_setting('server_version'),
  current_user,
  pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
  r.rolsuper,
  r.rolbypassrls,
  EXISTS (SELECT FROM pg_catalog.pg_roles g
    WHERE g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
      AND pg_catalog.pg_has_role(current_user, g.oid, 'USAGE')),
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

interface Facts {
  readonly version: string;
  readonly user: string;
  readonly readOnlyServer: boolean;
  readonly superuser: boolean;
  readonly bypassesRowSecurity: boolean;
  readonly touchesFiles: boolean;
  readonly mayWrite: boolean;
}

const order = ["connect", "tls", "authenticate", "query", "privileges"] as const;

/** Uses a connection of its own, so that what is tested is the way from the start. */
export async function testConnection(
  login: Login,
  password: string,
  { dial, places }: Pick<SessionContext, "dial" | "places">,
  call: Call,
): Promise<TestReport> {
  call.enter("pool");
  const place = await places.take(login.host, call.signal);
  const used: Used = { connection: undefined, stopping: undefined };
  try {
    return await testSteps(login, password, dial, call, used);
  } finally {
    const close = () => {
      used.connection?.close();
      place.free();
    };
    if (used.stopping === undefined) close();
    else void used.stopping.then(close);
  }
}

/** What a test leaves to be closed. */
interface Used {
  connection: SourceConnection | undefined;
  /** The statement that is being cancelled. */
  stopping: Promise<Settled> | undefined;
}

async function testSteps(login: Login, password: string, dial: Dial, call: Call, used: Used): Promise<TestReport> {
  const checks: Check[] = [];
  const pass = (name: Check["name"], message: string) => {
    checks.push({ name, outcome: "passed", message, remedy: "", reason: "" });
  };
  let tls = "";
  let user = login.user;
  try {
    call.enter("connect");
    const source = await openSocket(
      login,
      watched(dial, () => pass("connect", `${login.host} answers on port ${login.port}.`)),
      call.signal,
    );
    tls = protocolOf(source);
    checks.push(tlsCheck(tls));
    used.connection = await SourceConnection.authenticate(source, login, password, dial, call.signal);
    pass("authenticate", `The server knows the user "${login.user}" and has the database "${login.database}".`);
    call.enter("source");
    const facts = await readFacts(used.connection, call, used);
    user = facts.user;
    pass("query", `PostgreSQL ${facts.version} answers queries.`);
    checks.push(privilegesCheck(facts));
    return {
      ...{ ok: true, tls, user, checks },
      serverVersion: `PostgreSQL ${facts.version}`,
      readOnly: facts.readOnlyServer || (!facts.superuser && !facts.mayWrite),
    };
  } catch (error) {
    if (call.signal.aborted && !isDeadline(call.signal.reason)) throw call.signal.reason;
    return {
      ok: false,
      serverVersion: "",
      tls,
      readOnly: false,
      user,
      checks: [...checks, ...failedChecks(error, checks, login)],
    };
  }
}

/** What takes too long has failed, too, and the caller learns at which step. */
function isDeadline(reason: unknown): reason is Failure {
  return reason instanceof Failure && reason.kind === "deadline_exceeded";
}

/** The way to the server is open before anything is said on it. */
function watched(dial: Dial, connected: () => void): Dial {
  return async (...target) => {
    const socket = await dial(...target);
    connected();
    return socket;
  };
}

function protocolOf({ socket }: SourceSocket): string {
  return "getProtocol" in socket ? (socket.getProtocol() ?? "") : "";
}

function tlsCheck(tls: string): Check {
  if (tls !== "") {
    const message = `The connection is encrypted with ${tls} and the server's certificate was verified.`;
    return { name: "tls", outcome: "passed", message, remedy: "", reason: "" };
  }
  return {
    name: "tls",
    outcome: "warning",
    message: "The connection is not encrypted, as the configuration asks.",
    remedy: 'Set "tls" to "verify_full" unless the network itself is trusted.',
    reason: "",
  };
}

async function readFacts(connection: SourceConnection, call: Call, used: Used): Promise<Facts> {
  const timeoutMs = Math.max(1, call.deadline - performance.now());
  const stop = () => {
    used.stopping = connection.cancel(call.signal.reason);
    call.settling(used.stopping);
  };
  call.signal.addEventListener("abort", stop, { once: true });
  try {
    const [row = []] = await connection.rows({ text: factsQuery, parameters: [] }, timeoutMs);
    const [version = "", user = "", ...flags] = row.map((cell) => cell ?? "");
    const [readOnlyServer, superuser, bypassesRowSecurity, touchesFiles, mayWrite] = flags.map((flag) => flag === "t");
    return {
      ...{ version, user },
      readOnlyServer: readOnlyServer ?? false,
      superuser: superuser ?? false,
      bypassesRowSecurity: bypassesRowSecurity ?? false,
      touchesFiles: touchesFiles ?? false,
      mayWrite: mayWrite ?? false,
    };
  } finally {
    call.signal.removeEventListener("abort", stop);
  }
}

function privilegesCheck(facts: Facts): Check {
  const excess = [
    ...(facts.superuser ? ["is a superuser"] : []),
    ...(facts.bypassesRowSecurity && !facts.superuser ? ["bypasses row-level security"] : []),
    ...(facts.touchesFiles && !facts.superuser ? ["may read files or run programs on the server"] : []),
  ];
  if (excess.length === 0) {
    const message = facts.mayWrite ? "The user may read and write tables." : "The user may read and not write.";
    return { name: "privileges", outcome: "passed", message, remedy: "", reason: "" };
  }
  return {
    name: "privileges",
    outcome: "warning",
    message: `The user "${facts.user}" ${excess.join(" and ")}.`,
    remedy: "Give the connector a user of its own that may only read what it should: GRANT SELECT ON … TO …",
    reason: "",
  };
}

const noAnswer = {
  kind: "deadline_exceeded",
  message: "The source did not answer in time.",
  remedy:
    "Check `config.host` and `config.port`, and that a firewall lets the service in; a source under load may need more time.",
} as const;

/** The check that failed, and those that could not be made any more. */
function failedChecks(error: unknown, done: readonly Check[], login: Login): Check[] {
  const failure = isDeadline(error) ? noAnswer : classify(error, login);
  if (failure === undefined) throw error;
  const made = new Set(done.map(({ name }) => name));
  const [failed, ...skipped] = order.filter((name) => !made.has(name));
  return [
    {
      name: failed ?? "query",
      outcome: "failed",
      message: failure.message,
      remedy: failure.remedy ?? "",
      reason: failure.kind.toUpperCase(),
    },
    ...skipped.map((name): Check => ({ name, outcome: "skipped", message: "", remedy: "", reason: "" })),
  ];
}
