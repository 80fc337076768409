/** Connectors to where the operator lets nobody go. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connectorTo, rogueServer, type TestService, testService } from "../support/service.ts";
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
    ...["127.0.0.1", "0.0.0.0", "localhost", "LOCALHOST", "metadata.google.internal"],
    ...["::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::7f00:1", "169.254.169.254", "168.63.129.16", "10.0.0.1"],
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
    ...["[::]", "[::1]", "/var/run/postgresql", "127.0.0.1:5432", "postgres://127.0.0.1", "a b", ""],
    ...["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0", "127.0.0.1.", "fe80::1%eth0", "%6cocalhost"],
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

/** What becomes of a query through a connector to the store of a service, so changed. */
async function refusalAt(target: TestService, changes: Readonly<Record<string, unknown>>) {
  const request = connectorTo(target.storeUrl, `own-${crypto.randomUUID()}`);
  const config = { ...request.config, ...changes };
  const { id } = await target.client.createConnector({ ...request, config });
  const outcome = await target.client.query(id, { native: "SELECT 1" }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return outcome === undefined ? "answered" : refusalOf(Promise.reject(outcome));
}
const deniedAsOwn = {
  ...{ code: "FailedPrecondition", reason: "EGRESS_DENIED", where: "egress" },
  message: expect.stringContaining("leads to this service itself"),
};

describe("the service itself", () => {
  let open: TestService;
  beforeAll(async () => {
    open = await testService({ METRICS_PORT: "0" });
  });
  afterAll(() => open.stop());

  test("is no source, at none of its ports and addresses", async () => {
    const ports = [Number(new URL(open.url).port), open.metricsPort];
    for (const port of ports) {
      for (const host of ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "127.0.0.9"]) {
        expect(await refusalAt(open, { host, port }), `${host}:${port}`).toMatchObject(deniedAsOwn);
      }
    }
  });

  test("keeps its own database to itself, beside the others of a server that the operator names", async () => {
    expect(await refusalAt(open, {})).toMatchObject(deniedAsOwn);
    expect(await refusalAt(open, { database: "postgres" })).toBe("answered");
  });
});

test("an organization reaches what the operator opens to it, and no other does", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "connector-egress-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = path.join(directory, "egress.json");
  await writeFile(file, JSON.stringify({ organizations: { acme: { allow: ["127.0.0.1"] } } }));
  const own = await testService({ EGRESS_ALLOW: "", EGRESS_POLICY_FILE: file });
  onTestFinished(() => own.stop());
  const globex = own.clientFor(await own.tokenFor("globex", "connector.admin"));
  const rogue = await rogueServer((socket) => void socket.destroy());
  onTestFinished(() => rogue.stop());
  const reasonOf = async (client: typeof globex) => {
    const { id } = await client.createConnector(connectorTo(`postgres://u:p@127.0.0.1:${rogue.port}/d`));
    return (await refusalOf(client.query(id, { resource: "city" }))).reason;
  };
  expect(await reasonOf(own.client)).toBe("UPSTREAM_LOST");
  expect(await reasonOf(globex)).toBe("EGRESS_DENIED");
  // The range is open, and the server of the service's own database is not named in it.
  expect(await refusalAt(own, { database: "postgres" })).toMatchObject(deniedAsOwn);
});
