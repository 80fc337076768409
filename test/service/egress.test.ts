/** Connectors to where the operator lets nobody go. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { allRows, refusalOf } from "./refusal.ts";
import { failedCheck } from "./report.ts";

let service: TestService;
let canary: Server;
let connections = 0;

beforeAll(async () => {
  canary = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  canary.listen(0);
  [service] = await Promise.all([testService({ EGRESS_ALLOW: "" }), once(canary, "listening")]);
});
afterAll(async () => {
  canary.close();
  await service.stop();
});

/** A connector to the canary under this name. */
async function create(host: string): Promise<string> {
  const { port } = canary.address() as AddressInfo;
  const request = connectorTo(`postgres://reader:secret@127.0.0.1:${port}/customer`, `to-${crypto.randomUUID()}`);
  const { id } = await service.client.createConnector({ ...request, config: { ...request.config, host } });
  return id;
}

describe("no spelling of a private address leads there", () => {
  test.each([
    ...["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost"],
    ...["::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::7f00:1", "169.254.169.254", "168.63.129.16", "10.0.0.1"],
  ])("%s", async (host) => {
    const { client } = service;
    const id = await create(host);
    const refusal = await refusalOf(client.query(id, { resource: "city" }));
    expect(refusal).toMatchObject({
      code: "FailedPrecondition",
      reason: "EGRESS_DENIED",
      where: "egress",
      remedy: expect.stringContaining("EGRESS_ALLOW"),
    });
    expect(await refusalOf(allRows(client.stream(id, { resource: "city" })))).toEqual(refusal);
    expect(await refusalOf(client.getSchema(id))).toEqual(refusal);
    const failed = failedCheck(await client.testConnector(id));
    expect(failed).toMatchObject({ name: "connect", reason: "EGRESS_DENIED", remedy: refusal.remedy });
    expect(connections).toBe(0);
  });
});

describe("what is no host name and no address is not stored", () => {
  test.each([
    ...["[::]", "[::1]", "::", "/var/run/postgresql", "127.0.0.1:5432", "postgres://127.0.0.1", "a b", ""],
    ...["127.0.0.1/24", "user@127.0.0.1", "..", "-h", "host\0.example", "host\n.example", "１２７.0.0.1"],
  ])("%j", async (host) => {
    const refusal = await refusalOf(create(host));
    expect(refusal).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
      where: "request",
      fields: ["config.host"],
    });
    expect(connections).toBe(0);
  });
});
