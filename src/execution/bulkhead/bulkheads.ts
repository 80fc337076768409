/**
 * How many calls run at once: through one connector, of one organization, and in this
 * replica. Each call takes a permit, which covers all three.
 *
 * Those who find no room wait: first come, first served within a connector, and in turns
 * among an organization's connectors and among organizations, so that one with a thousand
 * calls waiting keeps the next call of another back by one turn.
 */
import type { Observe, Subject } from "../../observability/observation.ts";
import {
  arrange,
  type Connector,
  connectorOf,
  count,
  createService,
  discardIfUnused,
  endTurn,
  hasRoom,
  learn,
  type Service,
  type Waiter,
} from "./levels.ts";
import { join, leave } from "./line.ts";
import { learnTurn } from "./pace.ts";
import { bulkheadFull, refusing } from "./refusal.ts";

/** Limits of one connector; those of its latest call hold. */
export interface BulkheadLimits {
  /** Calls at once through the connector: 1 at least. */
  readonly connector: number;
  /** Calls that may wait for one of the connector's permits. */
  readonly waiting: number;
}

export interface Permit {
  /** The work has settled at the source. Once is enough, more does no harm. */
  release(): void;
}

export interface Bulkheads {
  /**
   * Waits for a permit of the connector, its organization and the whole replica. A Permit
   * at once, without a promise, when there is room. A call that aborts while it waits
   * leaves its line; a permit that was granted is the caller's to release, whatever the
   * signal says.
   *
   * @param deadline On `performance.now()`'s clock: a call gets no permit after it, nor
   *   shortly before it when even the connector's quickest calls take longer. Its signal
   *   must abort then.
   * @throws Failure of kind `bulkhead_full`, at once, when the line is full too, or moves
   *   so slowly that the call would be too late; its metadata names the `limit`. Or the
   *   signal's reason.
   */
  enter(subject: Subject, limits: BulkheadLimits, signal: AbortSignal, deadline: number): Permit | Promise<Permit>;
  /** Calls of the whole replica that run, and that wait. */
  figures(): { readonly running: number; readonly waiting: number };
}

export interface BulkheadsOptions {
  /** Calls at once of each organization: 1 at least. */
  readonly organization: number;
  /** Calls at once in this replica: 1 at least. */
  readonly all: number;
  readonly observe: Observe;
}

export function createBulkheads({ organization, all, observe }: BulkheadsOptions): Bulkheads {
  const service = createService(all);
  return {
    enter(subject, limits, signal, deadline) {
      if (signal.aborted) throw signal.reason;
      const connector = connectorOf(service, subject, { connector: limits.connector, organization });
      if (connector.permits !== limits.connector) resize(connector, limits.connector);
      // Nobody waits who could run, so nobody is overtaken.
      if (hasRoom(connector) && hasRoom(connector.organization) && hasRoom(service)) return take(connector);
      const full = refusing(connector, limits.waiting, deadline - performance.now());
      if (full === undefined) return wait(connector, signal, deadline);
      discardIfUnused(connector);
      observe({ kind: "bulkhead_full", subject, limit: full.limit });
      throw bulkheadFull(full);
    },
    figures: () => ({ running: service.running, waiting: service.waiting }),
  };
}

/** The connector's policy has changed: more of its calls may run, or fewer. */
function resize(connector: Connector, permits: number): void {
  connector.permits = permits;
  arrange(connector);
  admitWaiting(connector.organization.service);
}

function take(connector: Connector): Permit {
  const since = performance.now();
  let back = false;
  count(connector, "running", 1);
  return {
    release() {
      if (back) return;
      back = true;
      count(connector, "running", -1);
      learn(connector, performance.now() - since);
      arrange(connector);
      admitWaiting(connector.organization.service);
      discardIfUnused(connector);
    },
  };
}

function wait(connector: Connector, signal: AbortSignal, deadline: number): Promise<Permit> {
  const { promise, resolve, reject } = Promise.withResolvers<Permit>();
  const abort = () => {
    if (waiter.standing !== undefined) leaveLine(connector, waiter);
    reject(signal.reason);
  };
  const admit = () => {
    signal.removeEventListener("abort", abort);
    resolve(take(connector));
  };
  const waiter: Waiter = { deadline, admit, standing: undefined };
  waiter.standing = join(connector.line, waiter);
  count(connector, "waiting", 1);
  arrange(connector);
  signal.addEventListener("abort", abort, { once: true });
  return promise;
}

function leaveLine(connector: Connector, waiter: Waiter): void {
  if (waiter.standing !== undefined) leave(connector.line, waiter.standing);
  waiter.standing = undefined;
  count(connector, "waiting", -1);
  arrange(connector);
  discardIfUnused(connector);
}

/** Gives permits to those whose turn it is, until there is no room or nobody left who could use it. */
function admitWaiting(service: Service): void {
  while (hasRoom(service)) {
    const connector = service.round.first?.member.round.first?.member;
    const waiter = connector?.line.first?.member;
    if (connector === undefined || waiter === undefined) return;
    // A call that can't be done in time is about to abort: it takes nobody's turn.
    const now = performance.now();
    const inTime = now + connector.pace.leastMs < waiter.deadline;
    if (inTime) learnTurn(connector.pace, now, connector.waiting - 1);
    if (inTime) waiter.admit();
    leaveLine(connector, waiter);
    if (inTime) endTurn(connector);
  }
}
