/** The order of a call's way, as one call that comes to every stage tells it. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import { asked } from "../../src/execution/asking.ts";
import { type Breakers, createBreakers } from "../../src/execution/breaker/breakers.ts";
import { type Bulkheads, createBulkheads } from "../../src/execution/bulkhead/bulkheads.ts";
import { openCall } from "../../src/execution/call.ts";
import { limitsOf } from "../../src/execution/limits.ts";
import { pass, type Stages, type Ticket } from "../../src/execution/pipeline.ts";
import { createCooldowns } from "../../src/execution/rate-limit/cooldown.ts";
import { createRateLimits } from "../../src/execution/rate-limit/rate-limits.ts";
import { createRetries } from "../../src/execution/retry/retry.ts";
import { createPlaces } from "../../src/execution/session/places.ts";
import { createSessions, sessionVersion } from "../../src/execution/session/sessions.ts";
import type { Observation } from "../../src/observability/observation.ts";
import type { ConnectorPolicy } from "../../src/store/entities/connector.ts";
import { type HttpSource, httpCatalogue, httpProvider, httpSource, rows, status } from "../support/http-provider.ts";
import { vault } from "./cache-questions.ts";
import { httpConnector, pageQuery, serviceLimits } from "./executing.ts";

let source: HttpSource;
/** What has happened, in its order. */
let told: string[];
let stages: Stages;

beforeAll(async () => {
  source = await httpSource();
});
afterAll(() => source.stop());
beforeEach(() => {
  source.answer(rows([["1"]]));
  told = [];
  stages = openStages();
});

/** The real stages, each of which tells when it is come to. */
function openStages(): Stages {
  const tell = (what: string) => void told.push(what);
  const observe = (observation: Observation) => tell(wordsFor(observation));
  const common = { redis: undefined, observe };
  const breakers = createBreakers({ openMs: 60_000, observe });
  const cooldowns = createCooldowns(common);
  const rateLimits = createRateLimits(common);
  const sessions = createSessions(
    httpCatalogue,
    vault,
    {
      dialFor: () => createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] })),
      places: createPlaces({ perHost: 10, all: 10 }),
    },
    () => {},
  );
  onTestFinished(async () => {
    breakers.close();
    rateLimits.close();
    await sessions.close();
  });
  return {
    cooldowns: heard(cooldowns, { check: () => tell("cool-down") }),
    rateLimits: heard(rateLimits, { admit: () => tell("rate limit") }),
    retries: createRetries(common),
    breakers: { ...breakers, of: (...connector) => heardBreaker(breakers.of(...connector), tell) },
    bulkheads: heardBulkheads(createBulkheads({ organization: 10, all: 10, observe }), tell),
    sessions: heard(sessions, { get: () => tell("session") }),
    ...{ observe, probeMs: 1_000, drain: new AbortController().signal },
  };
}

/** The same, but for telling of some of its methods before they run. */
function heard<T extends object>(stage: T, before: Partial<Record<keyof T, () => void>>): T {
  return new Proxy(stage, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      const tell = before[name as keyof T];
      if (tell === undefined || typeof value !== "function") return value;
      return (...args: unknown[]) => {
        tell();
        return value.apply(target, args);
      };
    },
  });
}

function heardBreaker(breaker: ReturnType<Breakers["of"]>, tell: (what: string) => void) {
  return heard(breaker, { check: () => tell("breaker's check"), begin: () => tell("breaker's begin") });
}

function heardBulkheads(bulkheads: Bulkheads, tell: (what: string) => void): Bulkheads {
  return {
    ...bulkheads,
    async enter(...call) {
      const permit = await bulkheads.enter(...call);
      tell("permit");
      return heard(permit, { release: () => tell("permit back") });
    },
  };
}

function wordsFor(observation: Observation): string {
  if (observation.kind === "attempt_ended") return `attempt ${observation.attempt}: ${observation.reason ?? "good"}`;
  return observation.kind === "retry_decided" ? observation.decision : observation.kind;
}

function ticketOf(policy: ConnectorPolicy = { callsPerSecond: 100 }, diagnostic = false): Ticket {
  const connector = httpConnector(source.port, policy);
  const { organizationId, id: connectorId, provider } = connector;
  const call = openCall(
    { principal: "tester", signal: new AbortController().signal, timeoutMs: 5_000 },
    serviceLimits.unary,
    { enter: (part) => void told.push(part === undefined ? "…" : `waits: ${part}`) },
  );
  onTestFinished(() => call.close());
  const subject = { organizationId, connectorId, provider };
  const limits = limitsOf(connector, httpProvider, serviceLimits);
  const about = { method: "Query", resource: "place", type: "api" } as const;
  return { connector, subject, about, limits, call, diagnostic, attempts: 0 };
}

/** Reads one page, and waits until all that it took has been given back. */
async function passed(ticket: Ticket): Promise<unknown> {
  const { query, page } = pageQuery();
  const work = asked(async (session, call) => session.query?.(query, page, call));
  const result = await pass(stages, ticket, work).catch((error) => error);
  await expect.poll(stages.bulkheads.figures).toEqual({ running: 0, waiting: 0 });
  return result;
}

/** What is told while an attempt is made; its permit comes back when its socket has closed, some time after it. */
const attempt = (number: number, end: string) => [
  ...["breaker's check", "waits: bulkhead", "permit", "…", "breaker's begin", "session"],
  ...["waits: connect", "waits: source", "waits: transfer", `attempt ${number}: ${end}`],
];
const admitted = ["waits: rateLimit", "cool-down", "rate limit", "…"];
const orderTold = () => told.filter((what) => what !== "permit back");

test("a call that comes to every stage comes to them in the order of the design", async () => {
  source.answer(status(503), rows([["1"]]));
  await passed(ticketOf());
  expect(orderTold()).toEqual([
    ...admitted,
    ...attempt(1, "upstream_unavailable"),
    ...["retried", "waits: backoff", "…"],
    ...attempt(2, "good"),
  ]);
});

test("each attempt has a permit of its own, which is free while the call waits for the next", async () => {
  source.answer(status(503, { "retry-after": "0.2" }), rows([["1"]]));
  await passed(ticketOf());
  expect(told.filter((what) => what.startsWith("permit"))).toEqual(["permit", "permit back", "permit", "permit back"]);
});

test("a call over its rate limit comes no further, and takes nothing", async () => {
  const ticket = ticketOf({ callsPerSecond: 1 });
  await passed(ticket);
  told.length = 0;
  expect(await passed(ticket)).toMatchObject({ kind: "rate_limited" });
  expect(told).toEqual(["waits: rateLimit", "cool-down", "rate limit", "rate_limited"]);
});

test("a call whose source asked for patience takes nothing of the rate limit", async () => {
  const ticket = ticketOf();
  stages.cooldowns.pause(ticket.subject, 1_000);
  expect(await passed(ticket)).toMatchObject({ kind: "upstream_rate_limited" });
  expect(told).toEqual(["waits: rateLimit", "cool-down", "rate_limited"]);
});

test("an open breaker refuses before the bulkhead, so that nobody waits in line for a source that is away", async () => {
  const ticket = ticketOf();
  open(ticket);
  expect(await passed(ticket)).toMatchObject({ kind: "breaker_open" });
  expect(told).toEqual([...admitted, "breaker's check"]);
  expect(ticket.attempts).toBe(0);
});

test("a breaker that opens while a call waits for its permit refuses it, and the permit is free again", async () => {
  const ticket = ticketOf({ maxConcurrency: 1 });
  const held = await stages.bulkheads.enter(ticket.subject, ticket.limits.bulkhead, ticket.call.signal, Infinity);
  told.length = 0;
  const passing = passed(ticket);
  await expect.poll(() => told).toContain("waits: bulkhead");
  open(ticket);
  held.release();
  expect(await passing).toMatchObject({ kind: "breaker_open" });
  expect(told.slice(-5)).toEqual(["permit back", "permit", "…", "breaker's begin", "permit back"]);
});

test("a full bulkhead refuses before the breaker counts an attempt", async () => {
  const ticket = { ...ticketOf(), limits: { ...ticketOf().limits, bulkhead: { connector: 1, waiting: 0 } } };
  const held = await stages.bulkheads.enter(ticket.subject, ticket.limits.bulkhead, ticket.call.signal, Infinity);
  told.length = 0;
  const refused = await pass(
    stages,
    ticket,
    asked(async () => "never"),
  ).catch((error) => error);
  held.release();
  expect(refused).toMatchObject({ kind: "bulkhead_full" });
  expect(told).toEqual([...admitted, "breaker's check", "waits: bulkhead", "bulkhead_full", "permit back"]);
});

test("a diagnosis passes an open breaker, and is made once", async () => {
  source.answer(status(503));
  const ticket = ticketOf({}, true);
  open(ticket);
  const before = source.requests;
  expect(await passed(ticket)).toMatchObject({ kind: "upstream_unavailable" });
  expect(source.requests - before).toBe(1);
  expect(orderTold()).toEqual([
    ...admitted,
    ...["waits: bulkhead", "permit", "…", "session"],
    ...["waits: connect", "waits: source", "waits: transfer", "attempt 1: upstream_unavailable"],
  ]);
});

/** Opens the breaker of the ticket's connector, and forgets what that told. */
function open({ subject, connector }: Ticket): void {
  const before = [...told];
  const breaker = stages.breakers.of(subject, sessionVersion(connector));
  const failing = Array.from({ length: 5 }, () => breaker.begin());
  for (const { judge } of failing) judge("failing", "upstream_unreachable");
  expect(breaker.status().state).toBe("open");
  told.splice(0, told.length, ...before);
}
