/** A replica is killed while it refreshes: another one goes on when its lease has ended. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenOwner } from "../../src/execution/tokens/rows.ts";
import { createTokens } from "../../src/execution/tokens/tokens.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { runProgram } from "../service/process.ts";
import { newConnector } from "../store/rows.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { endpointOf, newGrant, refreshingAt } from "../support/oauth-tokens.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { stopwatch } from "../support/stopwatch.ts";
import type { ReplicaTask } from "./token-replica.ts";

const keys = `a:${"4b".repeat(31)}02`;
const program = fileURLToPath(new URL("token-replica.ts", import.meta.url));
const leaseMs = 1_000;
const never = new AbortController().signal;

let database: FreshDatabase;
let server: OAuthServer;
let store: Store;

beforeAll(async () => {
  // As those do that bear the loss of an answer: Okta, Auth0 and Keycloak among them.
  [database, server] = await Promise.all([freshStore(), startOAuthServer({ reuseMs: 3_600_000 })]);
  store = await openStore({ url: database.url, poolSize: 4 });
});

afterAll(async () => {
  await Promise.all([store.close(), server.stop()]);
  await database.drop();
});

/** A connector with what a user has granted, whose access token has expired. */
async function expired(tokens: ReturnType<typeof createTokens>): Promise<TokenOwner> {
  const row = newConnector("acme", { credentialVersion: 1, sealedCredential: Buffer.from("sealed") });
  await store.withOrganization("acme", async (em) => void em.create(Connector, row));
  const endpoint = { base_url: "https://api.example" };
  const owner = { organizationId: "acme", connectorId: row.id, credentialVersion: 1, provider: "rest", endpoint };
  const set = { ...(await newGrant(server)), expireTime: new Date(Date.now() - 1_000) };
  await tokens.granted(owner, set, async () => {});
  return owner;
}

test.each([
  ["before its request has an effect", "before"],
  ["when the server has done all, and the answer is on its way", "after"],
] as const)("a replica is killed %s: the grant survives, and waiting calls succeed", async (_, hook) => {
  const tokens = createTokens({ store, vault: createVault(localKeys(keys)), observe: () => {}, leaseMs });
  const owner = await expired(tokens);
  const reached = Promise.withResolvers<void>();
  server[hook] = () => {
    reached.resolve();
    // For the one that is killed; nobody hears of an answer any more.
    server[hook] = async () => {};
    return new Promise(() => {});
  };
  const task: ReplicaTask = { storeUrl: database.url, keys, leaseMs, owner, endpoint: endpointOf(server) };
  const { child, output } = runProgram(program, { TASK: JSON.stringify(task) });
  const ended = once(child, "close");
  await Promise.race([
    reached.promise,
    ended.then(() => expect.fail(`The replica ended before: ${JSON.stringify(output())}`)),
  ]);

  const session = tokens.of(owner);
  const calls = Array.from({ length: 50 }, () => session.get(refreshingAt(endpointOf(server)), never));
  child.kill("SIGKILL");
  await ended;
  const took = stopwatch();
  const got = await Promise.all(calls);
  expect(took()).toBeLessThan(60_000);
  expect(new Set(got.map(({ version }) => version))).toEqual(new Set([2]));
  expect(await server.accepts(got[0]?.accessToken ?? "")).toBe(true);
  expect(await tokens.health("acme", owner.connectorId)).toMatchObject({ state: "ok", failures: 0 });

  // What is stored goes on: the next refresh is by the token that came with this one.
  await store.withOrganization("acme", (em) => {
    return em.execute("UPDATE connector_token SET expire_time = now() WHERE connector_id = ?", [owner.connectorId]);
  });
  const next = await tokens.of(owner).get(refreshingAt(endpointOf(server)), never);
  expect(next).toMatchObject({ version: 3, refreshToken: expect.not.stringMatching(`^${got[0]?.refreshToken}$`) });
  await tokens.close();
});
