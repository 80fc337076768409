/** What stands between a sick source, a noisy caller, and everybody else. */
import { ConnectorError } from "../../../src/client/index.ts";
import { expect, LeftOut, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";
import { connected } from "./connected.ts";

/** Calls the source until it is refused with the reason, with at most so many calls. */
async function untilRefused(reason: string, most: number, call: () => Promise<unknown>): Promise<ConnectorError> {
  let last: ConnectorError | undefined;
  for (let calls = 0; calls < most; calls++) {
    last = await call().then(
      () => undefined,
      (thrown: unknown) => ConnectorError.from(thrown),
    );
    if (last?.reason === reason) return last;
  }
  throw last ?? new Error(`${most} calls were answered, and none was refused with ${reason}.`);
}

const rateLimits: Section<Stage> = {
  title: "Rate limits",
  async run(stage, did) {
    const [first] = await connected(stage);
    if (first === undefined) return;
    const { source, resource } = first;
    const name = stage.named("limited");
    const { id } = await stage.connect({ ...source.target, name, policy: { callsPerSecond: 2 } });
    const call = () => stage.client.query(id, { resource }, { pageSize: 1 });
    const error = await did("a caller that asks too often is refused with RATE_LIMITED", () =>
      untilRefused("RATE_LIMITED", 50, call),
    );
    expect((error.retryAfterMs ?? 0) > 0, "It does not say when to try again.");
    await did("and is answered after the time that it was told", async () => {
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
      return call();
    });
  },
};

const breaker: Section<Stage> = {
  title: "Circuit breaker",
  async run(stage, did) {
    if (stage.own === undefined) throw new LeftOut("it needs a source that is out of order.");
    const { id } = await stage.connect({
      ...{ provider: "postgresql", name: stage.named("broken") },
      config: { host: "127.0.0.1", port: stage.own.closedPort, database: "shop", user: "reader", tls: "disable" },
      credential: { password: crypto.randomUUID() },
    });
    const call = () => stage.client.query(id, { native: "SELECT 1" });
    await did("Query of a source that is not there is refused with UPSTREAM_UNREACHABLE", () =>
      refused("UPSTREAM_UNREACHABLE", call()),
    );
    await did("after some of them the breaker opens: BREAKER_OPEN, at once", () =>
      untilRefused("BREAKER_OPEN", 50, call),
    );
    const { ok } = await did("TestConnector says what is wrong all the same", () => stage.client.testConnector(id));
    expect(!ok, "The test passes.");
  },
};

const egress: Section<Stage> = {
  title: "Ways out",
  async run(stage, did) {
    const { id } = await stage.connect({
      ...{ provider: "postgresql", name: stage.named("metadata") },
      config: { host: "169.254.169.254", database: "shop", user: "reader", tls: "disable" },
      credential: { password: crypto.randomUUID() },
    });
    await did("a connector to the cloud's metadata is refused with EGRESS_DENIED", () =>
      refused("EGRESS_DENIED", stage.client.query(id, { native: "SELECT 1" })),
    );
  },
};

export const protecting: readonly Section<Stage>[] = [rateLimits, breaker, egress];
