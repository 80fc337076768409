/** Calls that have not come to their source yet when the service stops. */
import { expect, test } from "vitest";
import { ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { connectorTo, rogueServer } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { serviceWithSource, until } from "./source.ts";

const asleep = `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`;

test("calls that wait for a permit or a connection end as shutting down when the budget of the drain is used up", async () => {
  const source = await serviceWithSource("", { DRAIN_SECONDS: "0.3" });
  const mute = await rogueServer(() => {});
  try {
    const { service, connectorId, url } = source;
    // One that is not closed before the service is.
    const client = createConnectorClient({ url: service.url, token: service.token });
    await client.updateConnector(connectorId, { policy: { maxConcurrency: 1 } });
    const target = connectorTo(url, "mute");
    const { id } = await client.createConnector({ ...target, config: { ...target.config, port: mute.port } });
    const ends = [
      client.query(connectorId, { native: "SELECT pg_sleep(60)" }),
      client.query(connectorId, { native: "SELECT 1" }),
      client.query(id, { native: "SELECT 1" }),
    ];
    const outcomes = Promise.allSettled(ends);
    await until(source, asleep, "1");
    const took = stopwatch();
    await service.stop();
    expect(took()).toBeLessThan(5_000);
    for (const outcome of await outcomes) {
      const error = ConnectorError.from(outcome.status === "rejected" ? outcome.reason : undefined);
      expect(error).toMatchObject({ code: 14, reason: "SHUTTING_DOWN" });
    }
    await until(source, asleep, "0");
    client.close();
  } finally {
    await mute.stop();
    await source.stop();
  }
});
