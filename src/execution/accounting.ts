/** One call, whatever it asks for, from its beginning to its outcome. */
import type { Observe, Subject } from "../observability/observation.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import { type About, begunOf, resourceOf } from "./about.ts";
import { type Answered, answered } from "./answer.ts";
import { asked, nothingMoved, refuseDisabled, type Work } from "./asking.ts";
import type { Allowance } from "./budget/budgets.ts";
import type { Spending } from "./budget/spending.ts";
import { openCall } from "./call.ts";
import { limitsOf, type ServiceLimits } from "./limits.ts";
import { type Moved, type Outcome, outcomeOf } from "./outcome.ts";
import { pass, type Stages, type Ticket } from "./pipeline.ts";
import type { RunningCalls } from "./running.ts";
import { standings } from "./standing.ts";

export interface AccountsParts {
  readonly catalogue: Catalogue;
  readonly serviceLimits: ServiceLimits;
  readonly stages: Stages;
  readonly spending: Spending;
  readonly running: RunningCalls;
  readonly observe: Observe;
}

export interface Accounts {
  /** Begins a call. Its ticket's call must be closed, and its outcome told. */
  begin(about: About): { readonly ticket: Ticket; readonly outcome: Outcome };
  /** One call with one answer, and its outcome. */
  account<T>(about: About, work: (ticket: Ticket, allowance: Allowance) => Promise<readonly [T, Moved]>): Promise<T>;
  /** One that goes to the source and keeps nothing. */
  run<T>(about: About, work: Work<T>): Promise<Answered<T>>;
  /** Reads for whoever waits, and by a deadline of its own: the leaving of the caller who was first must not end it. */
  readFor<T>(about: About, first: Ticket, signal: AbortSignal, work: Work<T>): Promise<T>;
}

export function createAccounts({
  catalogue,
  serviceLimits,
  stages,
  spending,
  running,
  observe,
}: AccountsParts): Accounts {
  const { breakers, cooldowns } = stages;

  const standingOf = standings((connector) => {
    const { organizationId, id: connectorId, provider } = connector;
    const subject: Subject = { organizationId, connectorId, provider };
    return {
      subject,
      type: catalogue.get(provider).type,
      limits: limitsOf(connector, catalogue.get(provider), serviceLimits),
      listeners: {
        quota: (quota) => cooldowns.quota(subject, quota),
        closed: (call) => running.remove(subject, call),
      },
    };
  });

  function ticketOf(about: About, waiting?: Ticket): Ticket {
    const { method, connector, caller } = about;
    const { subject, limits, type, listeners } = standingOf(connector);
    const time = method === "StreamQuery" ? limits.stream : limits.unary;
    const heard = waiting === undefined ? listeners : { ...listeners, enter: waiting.call.enter };
    const call = openCall(caller, time, heard);
    running.add(subject, call);
    return {
      ...{ connector, subject, limits, call, attempts: 0, diagnostic: method === "TestConnector" },
      about: { method, resource: resourceOf(about), type },
    };
  }

  function begin(about: About): { ticket: Ticket; outcome: Outcome } {
    const ticket = ticketOf(about);
    const { organizationId, connectorId } = ticket.subject;
    const breaker = breakers.status(organizationId, connectorId).state;
    const charging = spending.charging(ticket.subject, about.caller.agent, observe);
    return { ticket, outcome: outcomeOf(begunOf(about, breaker), ticket, charging) };
  }

  async function account<T>(
    about: About,
    work: (ticket: Ticket, allowance: Allowance) => Promise<readonly [T, Moved]>,
  ): Promise<T> {
    const { ticket, outcome } = begin(about);
    try {
      refuseDisabled(about.connector);
      const allowance = await spending.take(ticket, about.caller.agent);
      const [answer, moved] = await work(ticket, allowance);
      outcome.succeeded(moved);
      return answer;
    } catch (error) {
      throw outcome.failed(error);
    } finally {
      ticket.call.close();
    }
  }

  const run = <T>(about: About, work: Work<T>): Promise<Answered<T>> =>
    account(about, async (ticket) => {
      const result = await pass(stages, ticket, asked(work));
      return [answered(result, ticket), nothingMoved];
    });

  async function readFor<T>(about: About, first: Ticket, signal: AbortSignal, work: Work<T>): Promise<T> {
    const timeoutMs = Math.max(about.caller.timeoutMs ?? 0, first.limits.unary.defaultMs);
    // Nor must the end of its key or its grant.
    const caller = { ...about.caller, apiKeyId: undefined, agent: undefined, signal, timeoutMs };
    const ticket = ticketOf({ ...about, caller }, first);
    // Known at once, and not at the end: its caller may be gone by then.
    const counted: Work<T> = (...session) => {
      first.attempts = ticket.attempts;
      return work(...session);
    };
    try {
      return await pass(stages, ticket, asked(counted));
    } finally {
      first.attempts = ticket.attempts;
      ticket.call.close();
    }
  }

  return { begin, account, run, readFor };
}
