/** Idempotency keys in the real store: each belongs to the call that has claimed it, and to no other. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClaimedAction, type Claims, createClaims } from "../../src/execution/idempotency/claims.ts";
import { Failure } from "../../src/failure.ts";
import type { ActionResult } from "../../src/providers/contract/action.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createAnswerSealer } from "../../src/vault/kept-answer.ts";
import type { KeyProvider } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

let database: FreshDatabase;
let store: Store;
let claims: Claims;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url, poolSize: 2 });
  // What is kept is another's matter.
  const sealer = {
    seal: async (_: unknown, plain: Uint8Array) => plain,
    open: async (_: unknown, kept: Uint8Array) => kept,
  };
  claims = createClaims(sealer);
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const result: ActionResult = { affectedRows: 1, fields: [], batches: [], statement: "" };
const connectorId = randomUUID();
const call = (key: string): ClaimedAction => {
  return { organizationId: "acme", connectorId, key, claim: randomUUID(), requestHash: Buffer.alloc(32) };
};
const inStore = <T>(work: Parameters<Store["withOrganization"]>[1]) =>
  store.withOrganization("acme", work) as Promise<T>;
const claim = (action: ClaimedAction) => inStore((em) => claims.claim(em, action, 60_000));

test("what comes late of a call that has let the key go does nothing to the call that has it now", async () => {
  for (const settle of ["release", "unknown", "done"] as const) {
    const [first, second] = [call(settle), call(settle)];
    await claim(first);
    await inStore((em) => claims.release(em, first));
    await claim(second);
    // Tried again, since nobody knew whether it was committed.
    await inStore((em) => (settle === "done" ? claims.done(em, first, result) : claims[settle](em, first)));
    await expect(claim(call(settle))).rejects.toMatchObject({ kind: "conflict" });
    await inStore((em) => claims.done(em, second, result));
    expect(await claim(call(settle))).toEqual(result);
  }
});

test("an answer whose encryption key is gone is told to be lost, and not as one that can be had by trying again", async () => {
  const [old, other] = [localKeys(`old:${encryptionKey}`), localKeys(`new:${signingKey}`)];
  const under = (keys: KeyProvider) => createClaims(createAnswerSealer(createVault(keys)));
  const first = call("rotated");
  await claim(first);
  await inStore((em) => under(old).done(em, first, result));
  const again = (keys: KeyProvider) => inStore((em) => under(keys).claim(em, call("rotated"), 60_000));
  expect(await again(old)).toEqual(result);
  await expect(again(other)).rejects.toMatchObject({ kind: "outcome_unknown", where: "service" });

  const away = new Failure("upstream_unreachable", "The key service can't be reached.");
  await expect(again({ ...old, unwrap: () => Promise.reject(away) })).rejects.toBe(away);
});
