import { expect, test } from "vitest";
import { callFor, get, ok, rawServer, stage, textOf } from "./stage.ts";

test("requests go one after the other on one connection, each as it was asked for", async () => {
  const server = await rawServer(ok("first"), ok("second"));
  const { client, places } = stage(server.url);
  const call = callFor();
  const first = await client.send(get(`${server.url}a?b=c%20d`, { headers: { "x-own": "yes" } }), call);
  expect(await textOf(first)).toBe("first");
  expect(await textOf(await client.send(get(`${server.url}z`), call))).toBe("second");
  expect(server.connections).toBe(1);
  expect(server.heads[0]?.split("\r\n").toSorted()).toEqual(
    [
      "GET /a?b=c%20d HTTP/1.1",
      "x-own: yes",
      "user-agent: connector-service",
      "accept-encoding: gzip, br",
      `Host: 127.0.0.1:${server.port}`,
      "Connection: keep-alive",
    ].toSorted(),
  );
  expect(call.phases).toEqual(["pool", "connect", "source", "transfer", "source", "transfer"]);
  expect(places()).toMatchObject({ open: 1, lent: 1 });
});
