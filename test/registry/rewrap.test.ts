import { afterEach, beforeEach, expect, test } from "vitest";
import { createTokens } from "../../src/execution/tokens/tokens.ts";
import { type Catalogue, loadCatalogue } from "../../src/providers/catalogue.ts";
import { keyUses, refuseMissingKeys } from "../../src/registry/key-use.ts";
import { createRegistry, type Registry } from "../../src/registry/registry.ts";
import { type RewrapProgress, rewrapAll } from "../../src/registry/rewrap.ts";
import type { SealedCredentials } from "../../src/store/sealed-credentials.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { openCredential } from "../../src/vault/credential.ts";
import type { KeyProvider } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

const a = `a:${"4b".repeat(31)}02`;
const b = `b:${"5a".repeat(31)}01`;
const before = localKeys(a);
const rotated = localKeys(`${b},${a}`);
const config = { host: "db.example.com", database: "shop", user: "reader" };
const endpoint = { ...config, port: 5432, tls: "verify_full", ca: "" };

let database: FreshDatabase;
let store: Store;
let catalogue: Catalogue;
/** Of a replica that has not heard of the key "b" yet. */
let registry: Registry;

beforeEach(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
  catalogue = await loadCatalogue();
  registry = createRegistry({ store, vault: createVault(before), catalogue });
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

async function connectorWith(organizationId: string, password: string): Promise<string> {
  const { id } = await registry.create(organizationId, {
    ...{ provider: "postgresql", name: `c-${crypto.randomUUID()}`.slice(0, 30), displayName: "", labels: {} },
    ...{ config, credential: { password }, policy: null },
  });
  return id;
}

/** What a service with only the key "b" opens. */
async function passwordOf(organizationId: string, id: string): Promise<unknown> {
  const { sealedCredential, credentialVersion: version } = await registry.get(organizationId, id);
  const place = { organizationId, connectorId: id, version, provider: "postgresql", endpoint };
  return (await openCredential(createVault(localKeys(b)), place, sealedCredential as Buffer)).reveal();
}

const rewrap = (credentials: SealedCredentials, onProgress: (progress: RewrapProgress) => void = () => {}) =>
  rewrapAll({ credentials, vault: createVault(rotated), catalogue, batch: 2, onProgress });

test("every organization's credentials are wrapped anew, and neither version nor update time changes", async () => {
  const ids: [string, string][] = [];
  for (const organization of ["acme", "other", "acme", "third", "acme"]) {
    ids.push([organization, await connectorWith(organization, `${organization}-${ids.length}`)]);
  }
  const rows = await Promise.all(ids.map((id) => registry.get(...id)));
  const seen: number[] = [];
  const summary = await rewrap(store.sealedCredentials, ({ remaining }) => seen.push(remaining));

  expect(summary).toEqual({ keyId: "b", rewrapped: 5, failed: 0, remaining: 0, failures: [] });
  expect(seen).toEqual([5, 3, 1, 0]);
  const after = await Promise.all(ids.map((id) => registry.get(...id)));
  const timeless = after.map(({ sealedCredential, ...row }, index) => ({
    ...row,
    sealedCredential: rows[index]?.sealedCredential,
  }));
  expect(timeless).toEqual(rows);
  for (const [index, [organization, id]] of ids.entries()) {
    expect(await passwordOf(organization, id)).toEqual({ password: `${organization}-${index}` });
  }
  expect(await rewrap(store.sealedCredentials)).toMatchObject({ rewrapped: 0, remaining: 0 });
});

test("a credential that is rotated while it is wrapped anew stays the new one, and is found again", async () => {
  const id = await connectorWith("acme", "first");
  const gone = await connectorWith("acme", "gone");
  let once = true;
  const racing: SealedCredentials = {
    ...store.sealedCredentials,
    async replace(rewrapped) {
      if (once) {
        once = false;
        await registry.update("acme", id, { credential: { password: "second" } }, undefined);
        await registry.remove("acme", gone, undefined);
      }
      return store.sealedCredentials.replace(rewrapped);
    },
  };
  expect(await rewrap(racing)).toMatchObject({ rewrapped: 1, failed: 0 });
  expect(await passwordOf("acme", id)).toEqual({ password: "second" });
});

test("a credential that can't be unwrapped is named, and holds up no other", async () => {
  const lost = await connectorWith("acme", "lost");
  const rest = await connectorWith("acme", "rest");
  await store.withOrganization("acme", (em) => {
    return em.execute('UPDATE connector SET config = config || \'{"host": "elsewhere"}\' WHERE id = ?', [lost]);
  });
  const { failures, ...summary } = await rewrap(store.sealedCredentials);
  expect(summary).toEqual({ keyId: "b", rewrapped: 1, failed: 1, remaining: 0 });
  expect(failures).toMatchObject([{ organizationId: "acme", connectorId: lost, reason: { kind: "internal" } }]);
  expect(await passwordOf("acme", rest)).toEqual({ password: "rest" });
});

test("a service that lacks a key is refused by the ids of those that are used, and told what to do", async () => {
  await refuseMissingKeys(before, store.sealedCredentials);
  await connectorWith("acme", "one");
  await connectorWith("other", "two");
  await refuseMissingKeys(before, store.sealedCredentials);
  await refuseMissingKeys(rotated, store.sealedCredentials);

  await expect(refuseMissingKeys(localKeys(b), store.sealedCredentials)).rejects.toMatchObject({
    kind: "configuration_rejected",
    message: expect.stringMatching(/does not have: a\.$/),
    remedy: expect.stringContaining("npm run keys -- rewrap"),
  });
  expect(await keyUses(localKeys(b), store.sealedCredentials)).toEqual([
    { id: "b", state: "primary", createTime: undefined, credentials: 0, answers: 0 },
    { id: "a", state: "missing", createTime: undefined, credentials: 2, answers: 0 },
  ]);
});

test("the tokens that were got with credentials are wrapped anew as they are, and keep a key in use", async () => {
  const ids = [
    await connectorWith("acme", "one"),
    await connectorWith("acme", "two"),
    await connectorWith("b", "three"),
  ];
  const organizations = ["acme", "acme", "b"];
  const owners = ids.map((connectorId, i) => {
    return {
      organizationId: organizations[i] as string,
      connectorId,
      credentialVersion: 1,
      provider: "rest",
      endpoint,
    };
  });
  const tokensOf = (keys: KeyProvider) => createTokens({ store, vault: createVault(keys), observe: () => {} });
  const set = { expireTime: undefined, refreshToken: undefined, facts: {} };
  for (const owner of owners) {
    await tokensOf(before).granted(owner, { ...set, accessToken: owner.connectorId }, async () => {});
  }
  expect(await keyUses(rotated, store.sealedCredentials)).toMatchObject([
    { credentials: 0 },
    { id: "a", credentials: 6 },
  ]);

  expect(await rewrap(store.sealedCredentials)).toMatchObject({ rewrapped: 6, failed: 0, remaining: 0 });
  await refuseMissingKeys(localKeys(b), store.sealedCredentials);
  for (const owner of owners) {
    const kept = await tokensOf(localKeys(b)).of(owner).get(expect.fail, new AbortController().signal);
    expect(kept).toMatchObject({ accessToken: owner.connectorId, version: 1 });
  }
});

test("whoever wraps credentials anew can read and change nothing else", async () => {
  const id = await connectorWith("acme", "one");
  const asKeys = (statement: string) =>
    store.withOrganization("acme", async (em) => {
      await em.execute("RESET ROLE");
      await em.execute("SET LOCAL ROLE connector_keys");
      return em.execute(statement);
    });
  expect(await asKeys("SELECT id FROM connector")).toEqual([{ id }]);
  const forbidden = [
    "SELECT name FROM connector",
    "UPDATE connector SET config = '{}'",
    "UPDATE connector SET version = 7",
    "DELETE FROM connector",
    "INSERT INTO connector (id) VALUES (gen_random_uuid())",
    "SELECT request_hash FROM idempotency_key",
    "UPDATE idempotency_key SET state = 'unknown'",
    "DELETE FROM idempotency_key",
    "SELECT id FROM api_key",
    "SELECT id FROM query_record",
  ];
  for (const statement of forbidden)
    await expect(asKeys(statement), statement).rejects.toMatchObject({ code: "42501" });
});
