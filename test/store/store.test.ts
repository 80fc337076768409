import { inspect } from "node:util";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { databaseOf } from "../../src/store/database.ts";
import { ApiKey } from "../../src/store/entities/apiKey.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FreshDatabase, freshDatabase, ownCluster } from "../support/postgres.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { newApiKey, newConnector } from "./rows.ts";

let database: FreshDatabase;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await freshDatabase();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await database.drop();
});

async function open(url: string = database.url): Promise<Store> {
  const store = await openStore({ url });
  cleanups.push(() => store.close());
  return store;
}

test("a connector comes back as it was stored", async () => {
  const store = await open();
  const stored = newConnector("acme", {
    labels: { team: "data" },
    config: { host: "db.example", port: 5432, nested: { list: [1, null] } },
    policy: { maxConcurrency: 3 },
    sealedCredential: Buffer.from([0, 255, 39, 92]),
    credentialVersion: 1,
    credentialUpdateTime: new Date("2026-11-22T10:00:00.123Z"),
  });
  await store.withOrganization("acme", async (em) => {
    em.create(Connector, stored);
  });

  const found = await store.withOrganization("acme", async (em) => {
    const row = await em.findOneOrFail(Connector, { id: stored.id }, { populate: ["sealedCredential"] });
    return { ...row };
  });
  expect(found).toMatchObject({ ...stored, version: 1, disabled: false });
  expect(found.createTime).toBeInstanceOf(Date);
});

test("the sealed credential is only read by who asks for it, and is in no serialisation", async () => {
  const store = await open();
  const stored = newConnector("acme", { sealedCredential: Buffer.from("sealed"), credentialVersion: 1 });
  await store.withOrganization("acme", async (em) => {
    em.create(Connector, stored);
  });

  await store.withOrganization("acme", async (em) => {
    const row = await em.findOneOrFail(Connector, { id: stored.id });
    expect(row.sealedCredential).toBeUndefined();
    await em.populate(row, ["sealedCredential"]);
    expect(Buffer.from(row.sealedCredential!).toString()).toBe("sealed");
    expect(JSON.stringify(row)).not.toContain("sealedCredential");
  });
});

test("of two changes to the same version of a connector the second is refused", async () => {
  const store = await open();
  const { id } = await store.withOrganization("acme", async (em) => em.create(Connector, newConnector("acme")));
  const bothRead = Promise.withResolvers<void>();
  let readers = 0;
  const change = (displayName: string): Promise<void> =>
    store.withOrganization("acme", async (em) => {
      const row = await em.findOneOrFail(Connector, { id });
      if (++readers === 2) bothRead.resolve();
      await bothRead.promise;
      row.displayName = displayName;
    });

  const outcomes = await Promise.allSettled([change("one"), change("two")]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const version = await store.withOrganization(
    "acme",
    async (em) => (await em.findOneOrFail(Connector, { id })).version,
  );
  expect(version).toBe(2);
});

test("what fails in the middle leaves nothing behind", async () => {
  const store = await open();
  const failing = store.withOrganization("acme", async (em) => {
    em.create(Connector, newConnector("acme"));
    await em.flush();
    throw new Error("in the middle");
  });

  await expect(failing).rejects.toThrow("in the middle");
  expect(await store.withOrganization("acme", (em) => em.count(Connector, {}))).toBe(0);
});

test.each([
  ["a name that is not lower case", { name: "Sales" }],
  ["no organization", { organizationId: "" }],
  ["a configuration that is no object", { config: [] as unknown as Record<string, unknown> }],
  ["a credential of no version", { sealedCredential: Buffer.from("sealed"), credentialVersion: 0 }],
])("the database itself refuses a connector with %s", async (_, wrong) => {
  const store = await open();
  const storing = store.withOrganization("acme", async (em) => {
    em.create(Connector, newConnector("acme", wrong));
  });

  // 23514: a CHECK; 42501: the policy that binds a row to its organization.
  await expect(storing).rejects.toMatchObject({ code: expect.stringMatching(/^(23514|42501)$/) });
});

test("two connectors of one organization can't have the same name, and of two organizations can", async () => {
  const store = await open();
  const add = (organization: string): Promise<unknown> =>
    store.withOrganization(organization, async (em) =>
      em.create(Connector, newConnector(organization, { name: "same" })),
    );
  await add("acme");
  await add("other");

  await expect(add("acme")).rejects.toMatchObject({ code: "23505" });
});

test("an API key is found by its id before its organization is known, and by nothing else", async () => {
  const store = await open();
  const key = newApiKey("acme");
  const other = newApiKey("other");
  expect(await store.hasAnyApiKey("acme")).toBe(false);
  await store.withOrganization("acme", async (em) => em.create(ApiKey, key));
  await store.withOrganization("other", async (em) => em.create(ApiKey, other));

  expect(await store.findApiKey(key.id)).toMatchObject({ ...key, revokeTime: null });
  expect(await store.findApiKey(crypto.randomUUID())).toBeUndefined();
  for (const hostile of ["", "%", "' OR true --", `${key.id}' OR '1'='1`]) {
    expect(await store.findApiKey(hostile)).toBeUndefined();
  }
  expect(await store.hasAnyApiKey("acme")).toBe(true);
  expect(await store.hasAnyApiKey("nobody")).toBe(false);
});

test("replicas that start at the same moment all come up, and the migrations run once", async () => {
  const stores = await Promise.all([open(), open(), open()]);

  for (const store of stores) await store.ping(5_000);
  const { rows } = await query(
    database.url,
    "SELECT count(*)::int AS runs, count(DISTINCT name)::int AS names, min(name) AS first FROM migration",
  );
  expect(rows).toEqual([
    { runs: rows[0].names, names: rows[0].names, first: "20261122000000_connectors_and_api_keys" },
  ]);
});

test("databases of one server that are set up at the same moment share the role", async () => {
  // A server of its own, which has no such role yet.
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const urls = await Promise.all(
    ["one", "two", "three"].map(async (name) => {
      await query(cluster.url, `CREATE DATABASE ${name}`);
      return cluster.url.replace(/\/connector$/, `/${name}`);
    }),
  );

  const stores = await Promise.all(urls.map((url) => openStore({ url })));
  for (const store of stores) await store.close();
});

test("the entities and the migrated schema agree, policies included", async () => {
  await open();
  const orm = databaseOf({ url: database.url, poolSize: 2, log: () => undefined });
  cleanups.push(() => orm.close(true));
  const difference = await orm.schema.getUpdateSchemaSQL({ wrap: false });

  // The ORM's own table of migrations is no entity, and it knows no functions but those of
  // triggers, and no triggers that see what a statement has inserted.
  const unknown = new RegExp(
    [
      'drop table if exists "migration"( cascade)?;',
      'drop function if exists "audit_(add_partition|add_events|append_events|extend_chain|link_events)"\\([^)]*\\);',
      'drop trigger if exists "count_calls" on "query_record";',
      'drop function if exists "query_record_count_calls_fn"\\(\\);',
    ].join("|"),
    "g",
  );
  expect(difference.replace(unknown, "").trim()).toBe("");
});

test.each([
  ["that is none", "not a url s3cret", "is not the URL of a PostgreSQL database"],
  ["of another kind", "mysql://root:s3cret@127.0.0.1/db", "is not the URL of a PostgreSQL database"],
  ["without a database", "postgres://postgres:s3cret@127.0.0.1:1", "is not the URL of a PostgreSQL database"],
  [
    "of a host that nobody knows",
    "postgres://postgres:s3cret@nowhere.invalid/db",
    "nowhere.invalid:5432 can't be used",
  ],
  [
    "of a port that nobody listens on",
    "postgres://postgres:s3cret@127.0.0.1:1/db",
    "127.0.0.1:1 can't be used (ECONNREFUSED)",
  ],
])("a URL %s is refused with the reason, and without its password", async (_, url, reason) => {
  await expectRefusal(url, reason, "s3cret");
});

test("a wrong password and a database that is not there are told apart", async () => {
  const wrong = new URL(database.url);
  wrong.password = "s3cret";
  await expectRefusal(wrong.href, 'refuses the user "postgres"', "s3cret");
  const missing = new URL(database.url);
  missing.pathname = "/missing";
  await expectRefusal(missing.href, 'There is no database "missing"', missing.password);
  const { rows } = await query(database.url, "SELECT FROM pg_database WHERE datname = 'missing'");
  expect(rows).toEqual([]);
});

test("ping answers while the database does, and fails in time while it is frozen", async () => {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const store = await openStore({ url: cluster.url, poolSize: 2 });
  cleanups.push(() => store.close());
  await store.ping(5_000);
  await cluster.kill("SIGSTOP");
  const took = stopwatch();
  // More pings than the pool has connections: none of them may hang.
  for (let i = 0; i < 4; i++) {
    await expect(store.ping(100)).rejects.toMatchObject({ kind: "internal", remedy: expect.any(String) });
  }
  expect(took()).toBeLessThan(3_000);
  await cluster.kill("SIGCONT");
  await store.ping(10_000);
  expect(await store.hasAnyApiKey("acme")).toBe(false);
});

test("a database that restarts is used again without a new start of the service", async () => {
  const store = await open();
  await query(
    inject("postgresUrl"),
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${new URL(database.url).pathname.slice(1)}'`,
  );

  await expect
    .poll(() =>
      store.ping(5_000).then(
        () => "answers",
        () => "does not",
      ),
    )
    .toBe("answers");
});

async function expectRefusal(url: string, reason: string, password: string): Promise<void> {
  const failure = await openStore({ url }).catch((cause: unknown) => cause);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ kind: "configuration_rejected", message: expect.stringContaining(reason) });
  expect((failure as Failure).remedy).toBeTruthy();
  expect(inspect(failure, { depth: 20 })).not.toContain(password);
}

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}
