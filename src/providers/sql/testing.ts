/** Tests a connection to a database step by step, and says what is wrong and how to mend it. */
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import type { Call, Check, SessionContext, Settled, TestReport } from "../contract.ts";
import { type Privileges, remedyOf, sentenceOf, tooPrivileged } from "./privileges.ts";

const order = ["connect", "tls", "authenticate", "query", "privileges"] as const;

/** How one provider takes the steps. */
export interface Tested<Connection extends TestedConnection> {
  /** The provider's id. */
  readonly upstream: string;
  readonly login: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
  /**
   * Opens a connection.
   *
   * @param encrypted Is told the protocol of the encryption before the server is told a
   *   secret; empty without one.
   */
  open(dial: Dial, encrypted: (protocol: string) => void): Promise<Connection>;
  privileges(connection: Connection, timeoutMs: number): Promise<Privileges>;
  classify(error: unknown): Failure | undefined;
}

interface TestedConnection {
  cancel(reason: Error): Promise<Settled>;
  close(): void;
}

/** Uses a connection of its own, so that what is tested is the way from the start. */
export async function testSource<Connection extends TestedConnection>(
  tested: Tested<Connection>,
  context: Pick<SessionContext, "dial" | "places" | "refuseRiskyPrivileges">,
  call: Call,
): Promise<TestReport> {
  call.enter("pool");
  const place = await context.places.take(tested.login.host, call.signal);
  const used: Used = { connection: undefined, stopping: undefined };
  try {
    return await testSteps(tested, context, call, used);
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
  connection: TestedConnection | undefined;
  /** The statement that is being cancelled. */
  stopping: Promise<Settled> | undefined;
}

async function testSteps<Connection extends TestedConnection>(
  tested: Tested<Connection>,
  { dial, refuseRiskyPrivileges = false }: Pick<SessionContext, "dial" | "refuseRiskyPrivileges">,
  call: Call,
  used: Used,
): Promise<TestReport> {
  const { host, port, database, ...login } = tested.login;
  const checks: Check[] = [];
  const pass = (name: Check["name"], message: string) => {
    checks.push({ name, outcome: "passed", message, remedy: "", reason: "" });
  };
  let tls = "";
  let { user } = login;
  try {
    call.enter("connect");
    const dialled = watched(dial, () => pass("connect", `${host} answers on port ${port}.`));
    const connection = await tested.open(dialled, (protocol) => {
      tls = protocol;
      checks.push(tlsCheck(protocol));
    });
    used.connection = connection;
    pass("authenticate", `The server knows the user "${user}" and has the database "${database}".`);
    call.enter("source");
    const privileges = await stoppable(connection, call, used, (timeoutMs) => tested.privileges(connection, timeoutMs));
    user = privileges.user;
    pass("query", `${privileges.server} answers queries.`);
    const check = privilegesCheck(privileges, tested.upstream, refuseRiskyPrivileges);
    checks.push(check);
    return {
      ...{ ok: check.outcome !== "failed", tls, user, checks },
      serverVersion: privileges.server,
      readOnly: privileges.readOnlyServer || (!privileges.superuser && !privileges.mayWrite),
    };
  } catch (error) {
    if (call.signal.aborted && !isDeadline(call.signal.reason)) throw call.signal.reason;
    const failure = isDeadline(error) ? noAnswer : tested.classify(error);
    if (failure === undefined) throw error;
    return {
      ...{ ok: false, serverVersion: "", tls, readOnly: false, user },
      checks: [...checks, ...failedChecks(failure, checks)],
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

function tlsCheck(protocol: string): Check {
  if (protocol !== "") {
    const message = `The connection is encrypted with ${protocol} and the server's certificate was verified.`;
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

/** Asks, and stops the statement at the server when the call ends before it has answered. */
async function stoppable<T>(
  connection: TestedConnection,
  call: Call,
  used: Used,
  ask: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const timeoutMs = Math.max(1, call.deadline - performance.now());
  const stop = () => {
    used.stopping = connection.cancel(call.signal.reason);
    call.settling(used.stopping);
  };
  call.signal.addEventListener("abort", stop, { once: true });
  try {
    return await ask(timeoutMs);
  } finally {
    call.signal.removeEventListener("abort", stop);
  }
}

function privilegesCheck(privileges: Privileges, upstream: string, refuseRisky: boolean): Check {
  const { user, risks, notes, mayWrite } = privileges;
  const name = "privileges";
  if (refuseRisky && risks.length > 0) {
    const { message, remedy = "", kind } = tooPrivileged(privileges, upstream);
    return { name, outcome: "failed", message, remedy, reason: kind.toUpperCase() };
  }
  const excess = [...risks, ...notes];
  if (excess.length === 0) {
    const message = mayWrite ? "The user may read and write tables." : "The user may read and not write.";
    return { name, outcome: "passed", message, remedy: "", reason: "" };
  }
  return { name, outcome: "warning", message: sentenceOf(user, excess), remedy: remedyOf(excess), reason: "" };
}

const noAnswer = {
  kind: "deadline_exceeded",
  message: "The source did not answer in time.",
  remedy:
    "Check `config.host` and `config.port`, and that a firewall lets the service in; a source under load may need more time.",
} as const;

/** The check that failed, and those that could not be made any more. */
function failedChecks(
  { kind, message, remedy = "" }: Pick<Failure, "kind" | "message"> & { readonly remedy?: string | undefined },
  done: readonly Check[],
): Check[] {
  const made = new Set(done.map(({ name }) => name));
  const [failed = "query", ...skipped] = order.filter((name) => !made.has(name));
  return [
    { name: failed, outcome: "failed", message, remedy, reason: kind.toUpperCase() },
    ...skipped.map((name): Check => ({ name, outcome: "skipped", message: "", remedy: "", reason: "" })),
  ];
}
