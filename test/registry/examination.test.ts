/** What of a configuration takes a while to be found out, asked when a connector is made or changed. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Catalogue, loadCatalogue } from "../../src/providers/catalogue.ts";
import { createRegistry, type Registry } from "../../src/registry/registry.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

let database: FreshDatabase;
let store: Store;
let registry: Registry;
/** The configurations that were examined. */
let examined: unknown[];

beforeEach(async () => {
  examined = [];
  database = await freshStore();
  store = await openStore({ url: database.url });
  const known = await loadCatalogue();
  const examine = async (given: unknown) => {
    examined.push(given);
    return [];
  };
  const catalogue: Catalogue = { ...known, get: (id) => ({ ...known.get(id), examine }) };
  registry = createRegistry({ store, vault: createVault(localKeys(`a:${"4b".repeat(31)}02`)), catalogue });
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

test("a change of some fields is examined together with those that stay", async () => {
  const config = { host: "db.example.com", database: "shop", user: "reader" };
  const { id } = await registry.create("acme", {
    ...{ provider: "postgresql", name: "shop", displayName: "", labels: {} },
    ...{ config, credential: { password: "p" }, policy: null },
  });
  const change = (mode: "merge" | "replace", fields: object) =>
    registry.update("acme", id, { config: { fields: { ...fields }, mode }, credential: { password: "p" } }, undefined);
  await change("merge", { user: "writer", port: undefined });
  await change("replace", config);
  expect(examined).toEqual([
    expect.objectContaining(config),
    expect.objectContaining({ ...config, user: "writer" }),
    config,
  ]);
});
