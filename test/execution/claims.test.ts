/** Idempotency keys in the real store: each belongs to the call that has claimed it, and to no other. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClaimedAction, type Claims, createClaims } from "../../src/execution/idempotency/claims.ts";
import type { ActionResult } from "../../src/providers/contract/action.ts";
import { openStore, type Store } from "../../src/store/store.ts";
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
