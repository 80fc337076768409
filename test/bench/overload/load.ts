/** A process that makes load, as the service's clients do: over HTTP/2, with deadlines. */
import { Code } from "@connectrpc/connect";
import { ConnectorError } from "../../../src/client/error.ts";
import { type ConnectorClient, createConnectorClient } from "../../../src/client/index.ts";
import { answerCommands } from "../support/child.ts";
import { answerAfter, type ClosedLoop, type Held, type OpenLoop, type Report, type Target } from "./calling.ts";

/** Nobody waits so long: a call without a deadline would hide what hangs. */
const patienceMs = 20_000;
/** How often those that are due are sent. */
const tickMs = 5;

const clients = new Map<string, ConnectorClient>();
let stopped = false;
const held = new AbortController();
let holding: Promise<unknown>[] = [];

function clientFor({ url, token }: Target): ConnectorClient {
  const key = `${url} ${token}`;
  const known = clients.get(key);
  if (known !== undefined) return known;
  const client = createConnectorClient({ url, token });
  clients.set(key, client);
  return client;
}

answerCommands(
  {
    async closed({ target, concurrency, ms = patienceMs, calls = Number.MAX_SAFE_INTEGER }: ClosedLoop) {
      const calling = createCalling(target, ms);
      const lane = async () => {
        while (calling.elapsed() < ms && calling.sent() < calls) await calling.call(patienceMs);
      };
      await Promise.all(Array.from({ length: concurrency }, lane));
      return calling.report();
    },

    async open({ target, perSecond, ms, timeoutMs }: OpenLoop): Promise<Report> {
      stopped = false;
      const calling = createCalling(target, ms);
      const calls: Promise<void>[] = [];
      while (calling.elapsed() < ms && !stopped) {
        const due = Math.floor((calling.elapsed() / 1_000) * perSecond);
        while (calls.length < due) calls.push(calling.call(timeoutMs, (calls.length * 1_000) / perSecond));
        await new Promise((resolve) => setTimeout(resolve, tickMs));
      }
      const sentMs = calling.elapsed();
      await Promise.all(calls);
      return { ...calling.report(), ms: sentMs };
    },

    /** Ends an open loop. */
    stop() {
      stopped = true;
    },

    /** Begins calls that last until `letGo`. */
    hold({ target, calls }: Held) {
      const { signal } = held;
      const query = queryOf(target);
      const options = { signal, timeoutMs: target.sourceMs };
      const begin = () => clientFor(target).query(target.connectorIds[0] ?? "", query, options);
      holding = Array.from({ length: calls }, begin);
      for (const call of holding) call.catch(() => {});
    },

    async letGo() {
      held.abort();
      await Promise.allSettled(holding);
    },
  },
  async () => {
    for (const client of clients.values()) client.close();
  },
);

/** Calls and keeps count. Answers after `ms` are late. */
function createCalling(target: Target, ms: number) {
  const client = clientFor(target);
  const query = queryOf(target);
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  const goodMs: number[] = [];
  const failedMs: number[] = [];
  const failed: Record<string, number> = {};
  let sent = 0;
  let good = 0;
  let lastFailureMs = 0;

  async function call(timeoutMs: number, dueMs = elapsed()): Promise<void> {
    const connectorId = target.connectorIds[sent++ % target.connectorIds.length] ?? "";
    try {
      const { rows } = await client.query<{ answer: number }>(connectorId, query, { timeoutMs });
      if (rows[0]?.answer !== 42) throw new Error(`The answer is ${rows[0]?.answer}.`);
      const tookMs = elapsed() - dueMs;
      if (tookMs > timeoutMs) return fail("late", dueMs);
      goodMs.push(tookMs);
      if (elapsed() <= ms) good++;
    } catch (error) {
      fail(reasonOf(error), dueMs);
    }
  }

  function fail(reason: string, dueMs: number): void {
    failed[reason] = (failed[reason] ?? 0) + 1;
    lastFailureMs = elapsed();
    failedMs.push(lastFailureMs - dueMs);
  }

  return {
    call,
    elapsed,
    sent: () => sent,
    report: (): Report => ({ sent, good, failed, goodMs, failedMs, lastFailureMs, ms: elapsed() }),
  };
}

/** What the service says; what it does not say is `late` when the client gave up, and `lost` with the connection. */
function reasonOf(error: unknown): string {
  if (!(error instanceof ConnectorError)) throw error;
  return error.reason ?? (error.code === Code.DeadlineExceeded ? "late" : "lost");
}

/** Of a resource: a statement of the caller's own would wait for the audit log, too. */
const queryOf = ({ sourceMs }: Target) => ({ resource: answerAfter(sourceMs) });
