/** The end of a chain is signed soon after a pause, then so and so often, and costs nothing in between. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Audit } from "../../src/audit/audit.ts";
import type { CheckpointEvery } from "../../src/audit/linking.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { action, auditOf, verified } from "./events.ts";

let database: FreshDatabase;
let store: Store;
let organization: string;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

beforeEach(() => {
  organization = `acme-${crypto.randomUUID().slice(0, 8)}`;
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const write = (audit: Audit) => audit.record(action("public.orders", organization), { outcome: "succeeded" });

async function signedPlaces(): Promise<readonly unknown[]> {
  const signed = "SELECT sequence::int FROM audit_checkpoint WHERE organization_id = $1 ORDER BY sequence";
  return (await run(database.url, signed, [organization])).flat();
}

/** An audit log of a store that counts how often a chain is asked for, and how often it is looked whether one is due. */
function counting(checkpointEvery: CheckpointEvery, during = async () => {}) {
  const counted = { transactions: 0, looks: 0 };
  const withOrganization: Store["withOrganization"] = async (id, work) => {
    counted.transactions++;
    const result = await store.withOrganization(id, work);
    await during();
    return result;
  };
  const due: Store["audit"]["due"] = (kind) => {
    counted.looks++;
    return store.audit.due(kind);
  };
  const counting = { ...store, withOrganization, audit: { ...store.audit, due } };
  const audit = auditOf(counting, { checkpointEvery });
  return { audit, counted };
}

test("the first entry after a pause is signed soon, and who follows it asks for the chain no more", async () => {
  const { audit, counted } = counting({ rows: 10_000, ms: 60_000 });
  await write(audit);
  await expect.poll(signedPlaces).toEqual([1]);
  for (let i = 0; i < 100; i++) await write(audit);
  const looks = counted.looks;
  await expect.poll(() => counted.looks).toBeGreaterThan(looks + 1);
  expect(counted.transactions).toBe(1);
  expect(await verified(store, organization)).toMatchObject({ verified: 101, checkpoints: 1, broken: undefined });
  await audit.close();
  expect(await signedPlaces()).toEqual([1, 101]);
});

test("an entry that is told of just before it is looked for is signed once", async () => {
  const { audit, counted } = counting({ rows: 10_000, ms: 60_000 });
  await expect.poll(() => counted.looks).toBeGreaterThan(2);
  // The next look comes before what is told of now is linked.
  await new Promise((resolve) => setTimeout(resolve, 250));
  await write(audit);
  await expect.poll(signedPlaces).toEqual([1]);
  const looks = counted.looks;
  await expect.poll(() => counted.looks).toBeGreaterThan(looks + 2);
  expect(counted.transactions).toBe(1);
  await audit.close();
});

test("an end is signed when so many entries are behind what was", async () => {
  const { audit } = counting({ rows: 10, ms: 60_000 });
  await write(audit);
  await expect.poll(signedPlaces).toEqual([1]);
  for (let i = 0; i < 10; i++) await write(audit);
  await expect.poll(signedPlaces).toEqual([1, 11]);
  await audit.close();
});

test("an entry that comes while the end before it is being signed is signed when it is time", async () => {
  let came: Promise<void> | undefined;
  const { audit } = counting({ rows: 10_000, ms: 500 }, async () => {
    came ??= write(audit);
    await came;
  });
  await write(audit);
  await expect.poll(signedPlaces).toEqual([1, 2]);
  await audit.close();
});

test("an end that could not be signed is signed later", async () => {
  let refused = 0;
  const withOrganization: Store["withOrganization"] = (id, work) =>
    refused++ < 2 ? Promise.reject(new Error("away")) : store.withOrganization(id, work);
  const audit = auditOf({ ...store, withOrganization }, { onProblem: () => {} });
  await write(audit);
  await expect.poll(signedPlaces).toEqual([1]);
  expect(refused).toBeGreaterThan(2);
  await audit.close();
});
