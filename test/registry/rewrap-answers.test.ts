/** Answers that are kept for idempotency keys are under an encryption key as credentials are, and leave it with them. */
import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ClaimedAction, createClaims } from "../../src/execution/idempotency/claims.ts";
import { loadCatalogue } from "../../src/providers/catalogue.ts";
import type { ActionResult } from "../../src/providers/contract/action.ts";
import { keyUses, refuseMissingKeys } from "../../src/registry/key-use.ts";
import { rewrapAll } from "../../src/registry/rewrap.ts";
import type { SealedCredentials } from "../../src/store/sealed-credentials.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createAnswerSealer } from "../../src/vault/kept-answer.ts";
import type { KeyProvider } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

const [a, b] = [`a:${encryptionKey}`, `b:${signingKey}`];
const before = localKeys(a);
const rotated = localKeys(`${b},${a}`);

let database: FreshDatabase;
let store: Store;

beforeEach(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url, poolSize: 4 });
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

const connectorId = randomUUID();
const call = (organizationId: string, key: string): ClaimedAction => {
  return { organizationId, connectorId, key, claim: randomUUID(), requestHash: Buffer.alloc(32) };
};
const claimsUnder = (keys: KeyProvider) => createClaims(createAnswerSealer(createVault(keys)));

/** One that a source's text makes so large. */
function resultOf(size: number): ActionResult {
  const output = { note: randomBytes(size / 2).toString("hex") };
  return { affectedRows: 1, output, fields: [], batches: [], statement: "" };
}

/** What each of the calls is answered with, by a service that has these keys. */
async function keep(keys: KeyProvider, calls: readonly (readonly [ClaimedAction, ActionResult])[]): Promise<void> {
  const claims = claimsUnder(keys);
  for (const [action, result] of calls) {
    await store.withOrganization(action.organizationId, async (em) => {
      await claims.claim(em, action, 60_000);
      await claims.done(em, action, result);
    });
  }
}

/** The first one's answer, as a service that has just started with these keys gives it. */
const repeated = ({ organizationId, key }: ClaimedAction, keys: KeyProvider) =>
  store.withOrganization(organizationId, (em) => claimsUnder(keys).claim(em, call(organizationId, key), 60_000));

async function rewrap(credentials: SealedCredentials, keys: KeyProvider = rotated) {
  const catalogue = await loadCatalogue();
  return rewrapAll({ credentials, vault: createVault(keys), catalogue, batch: 2, onProgress: () => {} });
}

test("every kept answer is wrapped anew and opens without the old key, however large it is", async () => {
  const small = ["1", "2", "3"].map((key) => [call("acme", key), resultOf(10)] as const);
  const large = ["1", "4"].map((key) => [call("other", key), resultOf(300_000)] as const);
  const all = [...small, ...large];
  await keep(before, all);
  expect(await keyUses(rotated, store.sealedCredentials)).toMatchObject([
    { id: "b", credentials: 0, answers: 0 },
    { id: "a", credentials: 0, answers: 5 },
  ]);

  expect(await rewrap(store.sealedCredentials)).toMatchObject({ rewrapped: 5, failed: 0, remaining: 0 });
  expect(await keyUses(localKeys(b), store.sealedCredentials)).toMatchObject([{ id: "b", answers: 5 }]);
  for (const [action, result] of all) expect(await repeated(action, localKeys(b))).toEqual(result);
  expect(await rewrap(store.sealedCredentials)).toMatchObject({ rewrapped: 0, remaining: 0 });
});

test("answers of one data key ask a key service once for each batch", async () => {
  await keep(
    before,
    ["1", "2", "3", "4"].map((key) => [call("acme", key), resultOf(10)] as const),
  );
  let wraps = 0;
  const counting: KeyProvider = {
    ...rotated,
    wrap(dek, data) {
      wraps++;
      return rotated.wrap(dek, data);
    },
  };
  expect(await rewrap(store.sealedCredentials, counting)).toMatchObject({ rewrapped: 4 });
  expect(wraps).toBe(2);
});

test("an answer that is deleted meanwhile is let go, and one that somebody holds is neither waited for nor forgotten", async () => {
  const [held, gone, rest] = [call("acme", "1"), call("acme", "2"), call("acme", "3")];
  const result = resultOf(10);
  await keep(
    before,
    [held, gone, rest].map((action) => [action, result] as const),
  );
  const racing: SealedCredentials = {
    ...store.sealedCredentials,
    async replace(rewrapped) {
      await store.withOrganization("acme", (em) => em.execute("DELETE FROM idempotency_key WHERE key = '2'"));
      return store.sealedCredentials.replace(rewrapped);
    },
  };
  await store.withOrganization("acme", async (em) => {
    await em.execute("SELECT FROM idempotency_key WHERE key = '1' FOR SHARE");
    expect(await rewrap(racing)).toMatchObject({ rewrapped: 1, failed: 0, remaining: 1 });
  });
  expect(await rewrap(store.sealedCredentials)).toMatchObject({ rewrapped: 1, failed: 0, remaining: 0 });
  for (const action of [held, rest]) expect(await repeated(action, localKeys(b))).toEqual(result);
});

test("an answer whose key is gone is shown and named, holds up no other, and no start; a day later nobody minds it", async () => {
  await keep(before, [[call("acme", "lost"), resultOf(10)]]);
  await keep(rotated, [[call("acme", "found"), resultOf(10)]]);
  const only = localKeys(b);
  await refuseMissingKeys(only, store.sealedCredentials);
  const missing = { id: "a", state: "missing", credentials: 0, answers: 1 };
  expect(await keyUses(only, store.sealedCredentials)).toMatchObject([{ id: "b", answers: 1 }, missing]);
  const { failures, ...summary } = await rewrap(store.sealedCredentials, only);
  expect(summary).toMatchObject({ rewrapped: 0, failed: 1, remaining: 0 });
  expect(failures).toMatchObject([{ kind: "answer", organizationId: "acme", connectorId }]);

  const age = "UPDATE idempotency_key SET create_time = create_time - interval '26 hours' WHERE key = 'lost'";
  await store.withOrganization("acme", (em) => em.execute(age));
  expect(await keyUses(only, store.sealedCredentials)).toMatchObject([{ id: "b", answers: 1 }]);
  expect(await rewrap(store.sealedCredentials, only)).toMatchObject({ failed: 0, remaining: 0 });
});
