/**
 * One attempt at a source: the breaker lets it through, the bulkhead gives it a permit,
 * a session carries it out, and what came of it is judged.
 *
 * The attempt goes on when its caller has left, until the source has settled: the permit
 * is free then, and the breaker knows what the source's silence meant.
 */
import { Failure } from "../failure.ts";
import type { Observe } from "../observability/observation.ts";
import type { Span } from "../observability/span.ts";
import type { Call, Provider, Session, Settled } from "../providers/contract.ts";
import type { Attempt as Judgement } from "./breaker/breaker.ts";
import type { Breakers } from "./breaker/breakers.ts";
import { verdictOf } from "./breaker/verdict.ts";
import type { Bulkheads, Permit } from "./bulkhead/bulkheads.ts";
import type { OpenCall } from "./call.ts";
import type { Ticket } from "./pipeline.ts";
import type { Cooldowns } from "./rate-limit/cooldown.ts";
import { type Sessions, sessionVersion } from "./session/sessions.ts";
import { type SourceCall, shelteredCall, sourceCall } from "./source-call.ts";

export interface AttemptStages {
  readonly breakers: Breakers;
  readonly bulkheads: Bulkheads;
  readonly sessions: Sessions;
  readonly cooldowns: Cooldowns;
  readonly observe: Observe;
  /** Milliseconds that a probe gets at least, whatever its caller's deadline. */
  readonly probeMs: number;
  /** Aborts when the service stops. */
  readonly drain: AbortSignal;
}

/** What is asked of a session. */
export type Asked<T> = (session: Session, call: Call, provider: Provider) => Promise<Answer<T>>;

export interface Answer<T> {
  readonly result: T;
  /** The source is judged by this; default: by having answered at all. */
  readonly proof?: Promise<unknown>;
  /** Settles when the call needs the source no more; default: it doesn't already. Never fails. */
  readonly end?: Promise<void>;
}

/** Milliseconds of connecting after which a source that has not answered is taken to be away. */
const silentMs = 1_000;

export async function attempt<T>(stages: AttemptStages, ticket: Ticket, ask: Asked<T>): Promise<T> {
  const { connector, subject, call, limits, diagnostic } = ticket;
  const breaker = diagnostic ? undefined : stages.breakers.of(subject, sessionVersion(connector));
  // Nobody waits in line for a source that is known to be away.
  breaker?.check();
  call.enter("bulkhead");
  const entering = stages.bulkheads.enter(subject, limits.bulkhead, call.signal, call.deadline);
  const permit = entering instanceof Promise ? await entering : entering;
  call.enter(undefined);
  const judgement = begun(() => breaker?.begin(), permit);
  const span = call.spans?.attempt();
  const source = judgement?.probe ? shelteredCall(call, stages.probeMs, stages.drain, span) : sourceCall(call, span);
  const answered = carriedOut(stages, ticket, ask, { permit, judgement, source, span, startMs: performance.now() });
  // A diagnosis has something to say also when its time is up.
  const { result } = await (diagnostic ? answered : call.orEnded(answered));
  return result;
}

function begun<T>(begin: () => T, permit: Permit): T {
  try {
    return begin();
  } catch (error) {
    // It has opened while the call waited for its permit.
    permit.release();
    throw error;
  }
}

interface Held {
  readonly permit: Permit;
  readonly judgement: Judgement | undefined;
  readonly source: SourceCall;
  readonly span: Span | undefined;
  /** On the clock of `performance.now()`. */
  readonly startMs: number;
}

/** Asks the source, whoever still waits for it, and gives everything back when the source has settled. */
async function carriedOut<T>(stages: AttemptStages, ticket: Ticket, ask: Asked<T>, held: Held): Promise<Answer<T>> {
  const { source, span } = held;
  ticket.attempts++;
  try {
    const open = await stages.sessions.get(ticket.connector, ticket.limits.bulkhead.connector, span);
    const answer = await translated(open.provider, source, () => ask(open.session, source, open.provider));
    const { proof, end } = answer;
    if (proof === undefined) judge(stages, ticket, held, undefined);
    else {
      translated(open.provider, source, () => proof).then(
        () => judge(stages, ticket, held, undefined),
        (error) => judge(stages, ticket, held, error),
      );
    }
    if (end === undefined) free(held);
    else void end.then(() => free(held));
    return answer;
  } catch (error) {
    judge(stages, ticket, held, error);
    free(held);
    throw error;
  }
}

/** Tells the breaker and who listens what came of the attempt, and heeds a source that asks for patience. */
function judge(stages: AttemptStages, ticket: Ticket, held: Held, error: unknown): void {
  const { subject, about, attempts, call } = ticket;
  const { span, startMs } = held;
  held.source.expose();
  const failure = error instanceof Failure ? error : undefined;
  const reason = error === undefined ? undefined : (failure?.kind ?? "internal");
  if (span !== undefined) call.spans?.judged(span);
  stages.observe({
    ...{ kind: "attempt_ended", subject, method: about.method, resource: about.resource, type: about.type },
    ...{ attempt: attempts, ms: performance.now() - startMs, reason, status: failure?.status, span },
  });
  if (failure?.kind === "upstream_rate_limited" && failure.retryAfterMs !== undefined) {
    stages.cooldowns.pause(subject, failure.retryAfterMs);
  }
  const verdict = verdictOf(error, "answered");
  // How the source took the end counts only where nothing else tells; a retry must find the breaker as it is by now.
  if (verdict === verdictOf(error, "lost")) held.judgement?.judge(verdict, reason);
  else void lifeSign(call, held.source).then((settled) => held.judgement?.judge(verdictOf(error, settled), reason));
}

/** Whether anything was heard of the source when the attempt ended. */
async function lifeSign(call: OpenCall, source: SourceCall): Promise<Settled> {
  // A source that does not take a connection within a while is away, however short the caller's deadline was.
  if (call.part() === "connect" && call.partMs() >= silentMs) return "lost";
  return (await source.settled()) ?? "answered";
}

function free({ permit, source }: Held): void {
  const settled = source.settled();
  if (settled === undefined) permit.release();
  else void settled.then(() => permit.release());
}

/** Says what an error means: the call's own end, before the source's word, before a fault of ours. */
export async function translated<T>(
  provider: Provider,
  call: Pick<Call, "signal">,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    throw error instanceof Failure ? error : (provider.classify(error) ?? error);
  }
}
