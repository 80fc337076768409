/** Connectors that are kept in memory: as good as reading the store, in every replica. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadCatalogue } from "../../src/providers/catalogue.ts";
import { createInUse, type InUse } from "../../src/registry/in-use.ts";
import { createRegistry, type Registry } from "../../src/registry/registry.ts";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";
import { openStore } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { stopwatch } from "../support/stopwatch.ts";

const row = (id = "1", version = 1, organizationId = "acme") =>
  ({
    id,
    organizationId,
    version,
    config: { nested: { list: [1] } },
    labels: {},
    policy: null,
  }) as unknown as ConnectorRow;

describe("what is kept", () => {
  test("is read for every use until changes are told, and once from then on", async () => {
    const read = vi.fn(async () => row());
    const inUse = createInUse(read);
    await inUse.use("acme", "1");
    await inUse.use("acme", "1");
    expect(read).toHaveBeenCalledTimes(2);
    inUse.trust(true);
    const rows = [await inUse.use("acme", "1"), await inUse.use("acme", "1")];
    expect([read.mock.calls.length, rows[0] === rows[1]]).toEqual([3, true]);
    inUse.trust(false);
    await inUse.use("acme", "1");
    expect(read).toHaveBeenCalledTimes(4);
  });

  test("is read again after changes were not told for a while", async () => {
    const read = vi.fn(async () => row());
    const inUse = createInUse(read);
    inUse.trust(true);
    await inUse.use("acme", "1");
    inUse.trust(false);
    inUse.trust(true);
    await inUse.use("acme", "1");
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("is read once for many who need it at the same moment", async () => {
    const read = vi.fn(async () => row());
    const inUse = createInUse(read);
    inUse.trust(true);
    const rows = await Promise.all(Array.from({ length: 20 }, () => inUse.use("acme", "1")));
    expect([read.mock.calls.length, new Set(rows).size]).toEqual([1, 1]);
  });

  const gap = (inUse: InUse) => {
    inUse.trust(false);
    inUse.trust(true);
  };

  test.each([
    ["a change of it", (inUse: InUse) => inUse.forget("acme", "1")],
    ["a time in which no change was told", gap],
  ])("is not what was being read during %s, nor is that given to those who come later", async (_, happens) => {
    const answers = [Promise.withResolvers<ConnectorRow>(), Promise.withResolvers<ConnectorRow>()];
    let reads = 0;
    const inUse = createInUse(() => (answers[reads++] as PromiseWithResolvers<ConnectorRow>).promise);
    inUse.trust(true);
    const before = inUse.use("acme", "1");
    happens(inUse);
    const after = inUse.use("acme", "1");
    answers[1]?.resolve(row("1", 2));
    expect((await after).version).toBe(2);
    answers[0]?.resolve(row("1", 1));
    await before;
    expect([(await inUse.use("acme", "1")).version, reads]).toEqual([2, 2]);
  });

  test("is no failure", async () => {
    const read = vi.fn(async () => row()).mockRejectedValueOnce(new Error("down"));
    const inUse = createInUse(read);
    inUse.trust(true);
    await expect(inUse.use("acme", "1")).rejects.toThrow("down");
    expect(await inUse.use("acme", "1")).toMatchObject({ version: 1 });
  });

  test("can't be changed by any of those who share it", async () => {
    const inUse = createInUse(async () => row());
    inUse.trust(true);
    const kept = await inUse.use("acme", "1");
    expect(() => Object.assign(kept, { disabled: true })).toThrow(TypeError);
    expect(() => (kept.config as { nested: { list: number[] } }).nested.list.push(2)).toThrow(TypeError);
  });

  test("is only found by its own organization and by the id that changes are told with", async () => {
    const read = vi.fn(async (organizationId: string, id: string) => row(id.replaceAll("-", ""), 1, organizationId));
    const inUse = createInUse(read);
    inUse.trust(true);
    await inUse.use("acme/eu", "1");
    expect((await inUse.use("acme", "eu/1")).organizationId).toBe("acme");
    const reads = read.mock.calls.length;
    await inUse.use("acme", "1-2");
    await inUse.use("acme", "1-2");
    expect(read).toHaveBeenCalledTimes(reads + 2);
  });
});

describe("two replicas over one database", () => {
  let database: FreshDatabase;
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    database = await freshDatabase();
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await database.drop();
  });

  async function replica(): Promise<Registry> {
    const store = await openStore({ url: database.url, poolSize: 3 });
    cleanups.push(() => store.close());
    const vault = createVault(localKeys(`test:${"4b".repeat(31)}02`));
    const registry = createRegistry({ store, vault, catalogue: await loadCatalogue() });
    const told = Promise.withResolvers<void>();
    store.listen({
      onChange: registry.changed,
      onAvailable(available) {
        registry.available(available);
        told.resolve();
      },
    });
    await told.promise;
    return registry;
  }

  const config = { host: "db.example", database: "sales", user: "reader" };
  const connector = { provider: "postgresql", name: "sales", displayName: "", labels: {}, config, policy: null };

  async function expectSoon(isSo: () => Promise<boolean>): Promise<void> {
    const took = stopwatch();
    await vi.waitUntil(isSo, patience);
    expect(took()).toBeLessThan(1_000);
  }

  test("use the new version of what the other one changed, and refuse what it deleted", async () => {
    const [one, other] = await Promise.all([replica(), replica()]);
    const { id } = await one.create("acme", { ...connector, credential: { password: "s3cret" } });
    expect(await other.use("acme", id.toUpperCase())).toMatchObject({ disabled: false, version: 1 });
    await one.update("acme", id, { disabled: true }, undefined);
    expect(await one.use("acme", id)).toMatchObject({ disabled: true });
    await expectSoon(async () => (await other.use("acme", id)).disabled);
    await one.remove("acme", id, undefined);
    await expect(one.use("acme", id)).rejects.toMatchObject({ kind: "not_found" });
    const refused = (error: { kind?: string }) => error.kind === "not_found";
    await expectSoon(() => other.use("acme", id).then(() => false, refused));
  });

  test("use what somebody changed by hand", async () => {
    const registry = await replica();
    const { id } = await registry.create("acme", { ...connector, credential: { password: "s3cret" } });
    await registry.use("acme", id);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    cleanups.push(() => client.end());
    await client.query("UPDATE connector SET display_name = 'by hand'");
    await expectSoon(async () => (await registry.use("acme", id)).displayName === "by hand");
  });

  test("never go back to an old version under changes and uses at random moments", async () => {
    const [one, other] = await Promise.all([replica(), replica()]);
    const { id } = await one.create("acme", { ...connector, credential: { password: "s3cret" } });
    let writing = true;
    const read = async (registry: Registry) => {
      while (writing) {
        await registry.use("acme", id);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const readers = [read(one), read(one), read(other), read(other)];
    for (let i = 0; i < 100; i++) {
      const { version } = await one.update("acme", id, { displayName: `${i}` }, undefined);
      expect((await one.use("acme", id)).version).toBeGreaterThanOrEqual(version);
    }
    writing = false;
    await Promise.all(readers);
    await expectSoon(async () => (await other.use("acme", id)).displayName === "99");
  });
});
