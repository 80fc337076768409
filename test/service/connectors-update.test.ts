import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Code, type ConnectorClient } from "../../src/client/index.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { type TestService, testService } from "../support/service.ts";

let service: TestService;
let client: ConnectorClient;
/** A new connector for each test. */
let read: Awaited<ReturnType<ConnectorClient["createConnector"]>>;

const ca = selfSignedCertificate().cert;
const credential = { password: "pa55word" };

beforeAll(async () => {
  service = await testService();
  client = service.client;
});

afterAll(() => service.stop());

beforeEach(async () => {
  read = await client.createConnector({
    provider: "postgresql",
    name: `c-${randomUUID()}`,
    displayName: "before",
    labels: { team: "sales" },
    config: { host: "db.example.com", port: 6000, database: "sales", user: "reader", ca },
    credential,
    policy: { maxConcurrency: 5 },
  });
});

describe("an update with a mask", () => {
  test.each([
    ["name", { name: "renamed" }, { name: "renamed" }],
    ["display_name", { displayName: "after" }, { displayName: "after" }],
    ["labels", { labels: { env: "prod" } }, { labels: { env: "prod" } }],
    ["policy", { policy: { callsPerSecond: 7 } }, { policy: { callsPerSecond: 7, observeOnly: false } }],
    ["disabled", { disabled: true }, { disabled: true }],
    ["credential", { credential: { password: "n3w" } }, { credential: { present: true, version: 2 } }],
  ])("of %s changes that and nothing else", async (path, patch, expected) => {
    const ignored = { name: "x", displayName: "x", labels: { x: "x" }, policy: {}, disabled: true, config: {} };
    const changed = await client.updateConnector(read.id, { ...ignored, ...patch }, { updateMask: [path] });

    const { etag, updateTime, ...rest } = read;
    const untouched = Object.fromEntries(Object.entries(rest).filter(([field]) => !(field in expected)));
    expect(changed).toMatchObject({ ...untouched, ...expected });
    expect(changed.etag).not.toBe(etag);
    expect(await client.getConnector(read.id)).toEqual(changed);
  });

  test.each([
    ["display_name", "displayName", ""],
    ["labels", "labels", {}],
    ["policy", "policy", undefined],
    ["disabled", "disabled", false],
  ] as const)("of %s and no value for it empties it", async (path, field, empty) => {
    const changed = await client.updateConnector(read.id, {}, { updateMask: [path] });
    expect(changed[field]).toEqual(empty);
  });

  test.each(["name", "config", "credential"])("of %s and no value for it is refused", async (path) => {
    await expect(client.updateConnector(read.id, {}, { updateMask: [path] })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: `connector.${path}` }],
    });
  });

  test("of one field of the configuration leaves the others", async () => {
    const patch = { config: { host: "other.example.com", database: "ignored" }, credential };
    const changed = await client.updateConnector(read.id, patch, { updateMask: ["config.host", "credential"] });
    expect(changed.config).toEqual({ ...read.config, host: "other.example.com" });
  });

  test("of a field of the configuration that the patch lacks removes it, or gives it its default", async () => {
    const updateMask = ["config.ca", "config.port", "credential"];
    const changed = await client.updateConnector(read.id, { credential }, { updateMask });
    expect(changed.config).toEqual({
      host: "db.example.com",
      port: 5432,
      database: "sales",
      user: "reader",
      tls: "verify_full",
    });
    expect(await client.getConnector(read.id)).toEqual(changed);
  });

  test("of a field of the configuration that is needed and that the patch lacks is refused", async () => {
    await expect(
      client.updateConnector(read.id, { credential }, { updateMask: ["config.host", "credential"] }),
    ).rejects.toMatchObject({ code: Code.InvalidArgument, fields: [{ field: "connector.config.host" }] });
  });

  test.each([
    ["config", "config.host"],
    ["config.host", "config"],
  ])("of %s and %s replaces the whole configuration", async (...updateMask) => {
    const config = { host: "other.example.com", database: "other", user: "writer" };
    const changed = await client.updateConnector(
      read.id,
      { config, credential },
      { updateMask: [...updateMask, "credential"] },
    );
    expect(changed.config).toEqual({ ...config, port: 5432, tls: "verify_full" });
  });

  test.each(["provider", "id", "etag", "policy.max_concurrency", "labels.team", "constructor", "config.", "*"])(
    "of %s is refused",
    async (path) => {
      await expect(client.updateConnector(read.id, { name: "n" }, { updateMask: [path] })).rejects.toMatchObject({
        code: Code.InvalidArgument,
        fields: [{ field: expect.stringMatching(/^(update_mask|connector\.config)/) }],
      });
      expect(await client.getConnector(read.id)).toEqual(read);
    },
  );

  test("of a field of the configuration that the provider does not have is refused", async () => {
    const patch = { config: { sslmode: "disable" } };
    await expect(client.updateConnector(read.id, patch, { updateMask: ["config.sslmode"] })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [
        {
          field: "connector.config.sslmode",
          description: expect.stringContaining("is not a field here; there are host,"),
        },
      ],
    });
  });

  test("that names nothing changes nothing", async () => {
    expect(await client.updateConnector(read.id, { displayName: "x" }, { updateMask: [] })).toMatchObject({
      displayName: "before",
    });
  });
});

test("an update without a mask changes what it sets, all of it or nothing", async () => {
  const changed = await client.updateConnector(read.id, { displayName: "after", disabled: true });
  expect(changed).toMatchObject({ name: read.name, displayName: "after", labels: { team: "sales" }, disabled: true });

  const partlyWrong = { displayName: "wrong", config: { host: "h", database: "d", user: "u", port: 0 } };
  await expect(client.updateConnector(read.id, partlyWrong)).rejects.toMatchObject({
    code: Code.InvalidArgument,
    fields: [{ field: "connector.config.port" }],
  });
  expect(await client.getConnector(read.id)).toEqual(changed);
});

test("a name that another connector has is refused", async () => {
  const { client } = service;
  const other = await client.createConnector({
    ...{ provider: "postgresql", name: `c-${randomUUID()}`, credential },
    config: { host: "h", database: "d", user: "u" },
  });
  await expect(client.updateConnector(read.id, { name: other.name })).rejects.toMatchObject({
    code: Code.AlreadyExists,
    fields: [{ field: "name" }],
  });
});

describe("an etag", () => {
  test("of what was read lets the change through, and a stale one does not", async () => {
    const changed = await client.updateConnector(read.id, { displayName: "first" }, { etag: read.etag });
    await expect(client.updateConnector(read.id, { displayName: "second" }, { etag: read.etag })).rejects.toMatchObject(
      { code: Code.Aborted, reason: "CONFLICT", remedy: expect.stringContaining("Read it again") },
    );
    expect(await client.getConnector(read.id)).toEqual(changed);
  });

  test.each(["nonsense", "v", "v-1", "v01", "v1 ", "W/v1"])(
    "that the service never gave, %j, is refused",
    async (etag) => {
      await expect(client.updateConnector(read.id, { displayName: "x" }, { etag })).rejects.toMatchObject({
        code: Code.InvalidArgument,
        fields: [{ field: "etag" }],
      });
    },
  );

  test("lets exactly one of many changes at once through", async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        client.updateConnector(read.id, { displayName: `writer ${i}` }, { etag: read.etag }),
      ),
    );
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(won).toHaveLength(1);
    for (const error of lost) expect(error).toMatchObject({ code: Code.Aborted, reason: "CONFLICT" });
    expect(await client.getConnector(read.id)).toEqual(won[0]);
  });
});

test("changes at once without an etag all come about, one after the other", async () => {
  const labels = Array.from({ length: 8 }, (_, i) => ({ writer: `${i}` }));
  const patches = [...labels.map((each) => ({ labels: each })), { displayName: "also" }];
  await Promise.all(patches.map((patch) => client.updateConnector(read.id, patch)));
  expect(await client.getConnector(read.id)).toMatchObject({ displayName: "also", etag: `v${1 + patches.length}` });
});

describe("a change of where the credential would be sent", () => {
  test.each([
    ["host", { host: "evil.example.com" }],
    ["port", { port: 5433 }],
    ["user", { user: "root" }],
    ["database", { database: "other" }],
    ["tls", { tls: "disable" }],
    ["ca", {}],
  ])("(%s) needs the credential again", async (field, config) => {
    const updateMask = [`config.${field}`];
    await expect(client.updateConnector(read.id, { config }, { updateMask })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: "connector.credential", description: expect.stringContaining(`${field} changed`) }],
    });
    expect(await client.getConnector(read.id)).toEqual(read);

    const patch = { config, credential };
    const changed = await client.updateConnector(read.id, patch, { updateMask: [...updateMask, "credential"] });
    expect(changed.credential).toMatchObject({ version: 2 });
  });

  test("is none when the same configuration is given again", async () => {
    const changed = await client.updateConnector(read.id, { config: read.config ?? {}, labels: { a: "b" } });
    expect(changed.credential).toEqual(read.credential);
  });
});
