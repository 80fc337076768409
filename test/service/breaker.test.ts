/** The breaker of a connector whose source is away, frozen, slow, or only asked for nonsense. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { ownCluster } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { failedCheck } from "./report.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

/** Longer than any test. */
const openMs = 600_000;
const soonMs = 1_000;
const statement = { native: "SELECT 1 AS one" };

/** Breakers stay open, and breakers soon let a probe through. */
let [staying, trying]: Source[] = [];
/** The one that is used. */
let source: Source;
let proxy: FaultProxy;
/** Of the connector that reaches the source through the proxy. */
let id: string;

beforeAll(async () => {
  const services = [openMs, soonMs].map((ms) => serviceWithSource("", { BREAKER_OPEN_SECONDS: String(ms / 1_000) }));
  [staying, trying] = await Promise.all(services);
});
afterAll(() => Promise.all([staying, trying].map((each) => each?.stop())));
beforeEach(() => use(staying));

async function use(chosen: Source | undefined): Promise<void> {
  source = chosen as Source;
  proxy = await faultProxy({ host: "127.0.0.1", port: Number(new URL(source.url).port) });
  const { stop } = proxy;
  onTestFinished(() => stop());
  id = await connectorAt(source.url, proxy.port);
}

async function connectorAt(url: string, port = Number(new URL(url).port)): Promise<string> {
  const target = connectorTo(url, `c-${crypto.randomUUID()}`);
  return (await source.client.createConnector({ ...target, config: { ...target.config, port } })).id;
}

const ask = (connectorId = id) => source.client.query(connectorId, statement);

/** A call whose deadline the service alone knows, and must keep by itself. */
function askWithin(timeoutMs: number, text: string, connectorId = id): Promise<unknown> {
  const query = { source: { case: "native" as const, value: { text } } };
  return source.client.rpc.query({ connectorId, query }, { headers: { "connect-timeout-ms": String(timeoutMs) } });
}

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => "answered",
    (cause) => ConnectorError.from(cause).reason,
  );

async function breaker(connectorId = id) {
  const { breaker } = await source.client.rpc.getStats({ connectorId });
  if (breaker === undefined) throw new Error("GetStats tells nothing of the breaker.");
  return breaker;
}

/** The source is away, and the breaker has learned it. */
async function away(): Promise<void> {
  await proxy.set({ kind: "down" });
  for (let i = 0; i < 10 && (await reasonOf(ask())) !== "BREAKER_OPEN"; i++);
  expect((await breaker()).state).toBe("open");
}

/** Asks until it is answered; gives the milliseconds that took. */
async function recovered(connectorId = id): Promise<number> {
  const took = stopwatch();
  await expect.poll(() => reasonOf(ask(connectorId))).toBe("answered");
  return took();
}

describe("a source that is away", () => {
  test("is not asked any more, and callers are told why, and when it is asked again", async () => {
    await away();
    const before = proxy.accepted;
    const took = stopwatch();
    const error = await ask().catch((cause) => cause);
    expect(took()).toBeLessThan(200);
    expect(error).toMatchObject({
      ...{ code: 14, reason: "BREAKER_OPEN", where: "breaker" },
      metadata: { reason: "upstream_unreachable", connector: id },
      remedy: expect.stringContaining("next_probe"),
    });
    const leftMs = Date.parse(error.metadata.next_probe) - Date.now();
    expect(leftMs).toBeLessThanOrEqual(openMs * 1.1);
    expect(Math.abs(leftMs - error.retryAfterMs)).toBeLessThan(60_000);
    await expect(Array.fromAsync(source.client.stream(id, statement))).rejects.toMatchObject({
      reason: "BREAKER_OPEN",
    });
    expect(proxy.accepted).toBe(before);
    expect(await breaker()).toMatchObject({ state: "open", reason: "UPSTREAM_UNREACHABLE" });
  });

  test("can be tested all the same, which says what is wrong", async () => {
    await away();
    expect(failedCheck(await source.client.testConnector(id))).toMatchObject({
      ...{ name: "connect", reason: "UPSTREAM_UNREACHABLE" },
    });
    await proxy.set(undefined);
    expect((await source.client.testConnector(id)).ok).toBe(true);
  });

  test("is no other connector's matter", async () => {
    await away();
    expect(await reasonOf(ask(source.connectorId))).toBe("answered");
  });

  test("that is back is used again within five seconds, after one probe", async () => {
    await use(trying);
    await away();
    await proxy.set(undefined);
    expect(await recovered()).toBeLessThan(5_000);
    expect((await breaker()).state).toBe("closed");
    expect(await Promise.all(Array.from({ length: 5 }, () => reasonOf(ask())))).toEqual(Array(5).fill("answered"));
  });

  test("is asked anew at once when its connector has been updated", async () => {
    await away();
    await proxy.set(undefined);
    expect(await reasonOf(ask())).toBe("BREAKER_OPEN");
    await source.client.updateConnector(id, { displayName: "mended" });
    expect(await reasonOf(ask())).toBe("answered");
  });
});

test("a client that cancels the probe neither wedges the breaker nor counts", async () => {
  await use(trying);
  await away();
  // The probe is held on its way.
  await proxy.set({ kind: "blackhole" });
  await expect.poll(async () => (await breaker()).state).toBe("half_open");
  const controller = new AbortController();
  const before = proxy.accepted;
  const probe = source.client.query(id, statement, { signal: controller.signal });
  const ended = expect(probe).rejects.toMatchObject({ code: 1 });
  await expect.poll(() => proxy.accepted).toBe(before + 1);
  controller.abort();
  await ended;
  expect(await reasonOf(ask())).toBe("BREAKER_OPEN");
  await proxy.set(undefined);
  // Nobody calls: the probe itself finds out.
  await expect.poll(async () => (await breaker()).state).toBe("closed");
  expect(await breaker()).toMatchObject({ opened: 1n });
});

describe("a breaker stays closed", () => {
  const closed = async () => expect(await breaker()).toMatchObject({ state: "closed", opened: 0n });

  test("when hundreds of statements are refused by the source", async () => {
    const natives = ["SELECT 1/0", "SELECT nothing", "SELEC", "SELECT * FROM nowhere"];
    const calls = Array.from({ length: 400 }, (_, i) =>
      reasonOf(source.client.query(id, { native: natives[i % natives.length] as string })),
    );
    expect(await Promise.all(calls)).not.toContain("answered");
    await closed();
  });

  test("when queries take longer than their callers wait, and when callers cancel", async () => {
    const native = "SELECT pg_sleep(30)";
    const late = Array.from({ length: 20 }, () => reasonOf(askWithin(300, native)));
    expect(new Set(await Promise.all(late))).toEqual(new Set(["DEADLINE_EXCEEDED"]));
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const calls = Array.from({ length: 10 }, () =>
        source.client.query(id, { native }, { signal: controller.signal }),
      );
      const ended = Promise.allSettled(calls);
      await new Promise((resolve) => setTimeout(resolve, 10 * round));
      controller.abort();
      await ended;
    }
    await until(source, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "0");
    await closed();
    expect(await reasonOf(ask())).toBe("answered");
  });
});

test("a source that is frozen opens the breaker, and is used again when it thaws", async () => {
  await use(trying);
  const cluster = await ownCluster();
  onTestFinished(() => cluster.stop());
  const frozen = await connectorAt(cluster.url);
  expect(await reasonOf(ask(frozen))).toBe("answered");
  await cluster.kill("SIGSTOP");
  const calls = await Promise.all(
    Array.from({ length: 8 }, () => reasonOf(askWithin(1_500, statement.native, frozen))),
  );
  expect(new Set(calls)).toEqual(new Set(["DEADLINE_EXCEEDED"]));
  await expect.poll(async () => (await breaker(frozen)).opened).toBe(1n);
  await cluster.kill("SIGCONT");
  expect(await recovered(frozen)).toBeLessThan(5_000);
});
