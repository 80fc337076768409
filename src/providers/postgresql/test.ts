/** Tests a connection step by step, and says what is wrong and how to mend it. */
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import type { Call, Check, SessionContext, Settled, TestReport } from "../contract.ts";
import type { SourceSocket } from "../sql/socket.ts";
import { type Login, SourceConnection } from "./connection.ts";
import { classify } from "./errors.ts";
import { type Privileges, readPrivileges, remedyOf, sentenceOf, tooPrivileged } from "./privileges.ts";
import { openSocket } from "./socket.ts";

const order = ["connect", "tls", "authenticate", "query", "privileges"] as const;

/** Uses a connection of its own, so that what is tested is the way from the start. */
export async function testConnection(
  login: Login,
  password: string,
  context: Pick<SessionContext, "dial" | "places" | "refuseRiskyPrivileges">,
  call: Call,
): Promise<TestReport> {
  call.enter("pool");
  const place = await context.places.take(login.host, call.signal);
  const used: Used = { connection: undefined, stopping: undefined };
  try {
    return await testSteps(login, password, context, call, used);
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

async function testSteps(
  login: Login,
  password: string,
  { dial, refuseRiskyPrivileges = false }: Pick<SessionContext, "dial" | "refuseRiskyPrivileges">,
  call: Call,
  used: Used,
): Promise<TestReport> {
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
    const privileges = await askPrivileges(used.connection, call, used);
    user = privileges.user;
    pass("query", `PostgreSQL ${privileges.version} answers queries.`);
    const check = privilegesCheck(privileges, refuseRiskyPrivileges);
    checks.push(check);
    return {
      ...{ ok: check.outcome !== "failed", tls, user, checks },
      serverVersion: `PostgreSQL ${privileges.version}`,
      readOnly: privileges.readOnlyServer || (!privileges.superuser && !privileges.mayWrite),
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

async function askPrivileges(connection: SourceConnection, call: Call, used: Used): Promise<Privileges> {
  const timeoutMs = Math.max(1, call.deadline - performance.now());
  const stop = () => {
    used.stopping = connection.cancel(call.signal.reason);
    call.settling(used.stopping);
  };
  call.signal.addEventListener("abort", stop, { once: true });
  try {
    return await readPrivileges(connection, timeoutMs);
  } finally {
    call.signal.removeEventListener("abort", stop);
  }
}

function privilegesCheck({ user, risks, notes, mayWrite }: Privileges, refuseRisky: boolean): Check {
  const name = "privileges";
  if (refuseRisky && risks.length > 0) {
    const { message, remedy = "", kind } = tooPrivileged(user, risks);
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
