/** An action is sent once or not at all, whatever its caller does meanwhile, and what is noted is what happened. */
import type { EntityManager } from "@mikro-orm/postgresql";
import { afterEach, expect, test } from "vitest";
import { type ActingParts, type ActionAsked, type ActionEnd, act } from "../../src/execution/acting.ts";
import { createBreakers } from "../../src/execution/breaker/breakers.ts";
import { createBulkheads } from "../../src/execution/bulkhead/bulkheads.ts";
import { openCall } from "../../src/execution/call.ts";
import { limitsOf } from "../../src/execution/limits.ts";
import type { Ticket } from "../../src/execution/pipeline.ts";
import { createCooldowns } from "../../src/execution/rate-limit/cooldown.ts";
import { createRateLimits } from "../../src/execution/rate-limit/rate-limits.ts";
import { createRetries } from "../../src/execution/retry/retry.ts";
import { sessionVersion } from "../../src/execution/session/sessions.ts";
import { Failure } from "../../src/failure.ts";
import type { ActionResult } from "../../src/providers/contract/action.ts";
import { defineProvider, type Session } from "../../src/providers/contract.ts";
import { httpProvider } from "../support/http-provider.ts";
import { httpConnector, serviceLimits } from "./executing.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const provider = defineProvider({ ...httpProvider, capabilities: ["test", "execute"] });
const done: ActionResult = { affectedRows: 1, fields: [], batches: [], statement: "" };
const observe = () => {};

/** The real stages, before a source whose session opens when the test says so. */
function openStage() {
  const breakers = createBreakers({ openMs: 5, observe });
  const rateLimits = createRateLimits({ redis: undefined, observe });
  cleanups.push(
    () => breakers.close(),
    () => rateLimits.close(),
  );
  const opened = Promise.withResolvers<void>();
  let executed = 0;
  const session = {
    execute: async () => {
      executed++;
      return done;
    },
  } as unknown as Session;
  const connector = httpConnector(1);
  const { organizationId, id: connectorId } = connector;
  const subject = { organizationId, connectorId, provider: provider.id };
  const sessions = {
    get: () => opened.promise.then(() => ({ session, provider })),
    forget: () => {},
    count: () => 1,
    close: async () => {},
  };
  const ends: ActionEnd[] = [];
  const claims: string[] = [];
  const parts: ActingParts = {
    stages: {
      ...{ cooldowns: createCooldowns({ redis: undefined, observe }), rateLimits, retries: createRetries({ observe }) },
      ...{ breakers, bulkheads: createBulkheads({ organization: 10, all: 10, observe }), sessions, observe },
      ...{ probeMs: 2_500, drain: new AbortController().signal },
    },
    store: { withOrganization: async (_, work) => work({} as EntityManager) },
    claims: {
      claim: async () => void claims.push("claimed"),
      done: async () => void claims.push("done"),
      release: async () => void claims.push("released"),
      unknown: async () => void claims.push("unknown"),
    },
    touched: async () => {},
    observe,
  };
  const ticketFor = (timeoutMs: number): Ticket => {
    const caller = { principal: "tester", signal: new AbortController().signal, timeoutMs };
    const limits = limitsOf(connector, provider, serviceLimits);
    const about = { method: "Execute", resource: "place", type: "api" } as const;
    return { connector, subject, about, limits, call: openCall(caller, limits.unary), diagnostic: false, attempts: 0 };
  };
  const asked: ActionAsked = {
    request: {
      action: { kind: "delete", resource: "place", filter: undefined },
      ...{ dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000 },
    },
    idempotency: { key: "once", requestHash: Buffer.alloc(32) },
    intend: async () => ({
      ended: async (end) => void ends.push(end),
      endedIn(end) {
        ends.push(end);
        return async () => {};
      },
    }),
  };
  return {
    ...{ parts, asked, ticketFor, ends, claims, open: opened.resolve, executed: () => executed },
    /** From now transactions go this way. */
    transact(how: (work: () => Promise<unknown>) => Promise<unknown>) {
      const withOrganization = ((_, work) =>
        how(() => work({} as EntityManager))) as typeof parts.store.withOrganization;
      Object.assign(parts, { store: { withOrganization } });
    },
    /** The next attempt is the one that decides whether the source is back. */
    async halfOpen() {
      const breaker = breakers.of(subject, sessionVersion(connector));
      while (breakers.status(organizationId, connectorId).state === "closed") {
        breaker.begin().judge("failing", "upstream_lost");
      }
      await expect.poll(() => breakers.status(organizationId, connectorId).state).toBe("half_open");
    },
  };
}

test("an action whose caller has left while its session opens is not sent after all, a breaker's probe neither", async () => {
  for (const isProbe of [false, true]) {
    const stage = openStage();
    if (isProbe) await stage.halfOpen();
    await expect(act(stage.parts, stage.ticketFor(60), stage.asked)).rejects.toMatchObject({
      kind: "deadline_exceeded",
    });
    await expect.poll(() => stage.claims).toEqual(["claimed", "released"]);
    stage.open();
    // The permit is free when the attempt is over, so that another one gets it.
    const { claims, ends } = stage;
    expect((await act(stage.parts, stage.ticketFor(5_000), stage.asked)).result).toBe(done);
    expect(stage.executed()).toBe(1);
    expect(claims).toEqual(["claimed", "released", "claimed", "done"]);
    expect(ends.map(({ outcome }) => outcome)).toEqual(["failed", "succeeded"]);
  }
});

test("a key whose caller has left while it was being claimed is let go when it is claimed, not before", async () => {
  const stage = openStage();
  const committed = Promise.withResolvers<void>();
  stage.transact(async (work) => {
    const result = await work();
    await committed.promise;
    return result;
  });
  await expect(act(stage.parts, stage.ticketFor(60), stage.asked)).rejects.toMatchObject({ kind: "deadline_exceeded" });
  expect(stage.claims).toEqual(["claimed"]);
  committed.resolve();
  await expect.poll(() => stage.claims).toEqual(["claimed", "released"]);
  expect(stage.executed()).toBe(0);
  expect(stage.ends).toMatchObject([{ outcome: "failed", reason: "deadline_exceeded" }]);
});

test("an end that is written again, as nobody knows whether it was, is one end", async () => {
  const stage = openStage();
  stage.open();
  let failures = 0;
  stage.transact(async (work) => {
    const result = await work();
    const isEnd = stage.claims.includes("done");
    if (isEnd && failures++ === 0) throw new Failure("service_unavailable", "lost", { where: "service" });
    return result;
  });
  expect((await act(stage.parts, stage.ticketFor(5_000), stage.asked)).result).toBe(done);
  expect(stage.claims).toEqual(["claimed", "done", "done"]);
  expect(stage.ends).toMatchObject([{ outcome: "succeeded" }]);
});
