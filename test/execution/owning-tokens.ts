/** Owners of tokens, two replicas on one store, and a real OAuth server whose refresh tokens are good once. */
import pg from "pg";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { TokenOwner } from "../../src/execution/tokens/rows.ts";
import { createTokens, type Tokens } from "../../src/execution/tokens/tokens.ts";
import type { Observation } from "../../src/observability/observation.ts";
import type { Span } from "../../src/observability/span.ts";
import type { ObtainTokens, TokenSet } from "../../src/providers/contract/tokens.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { newConnector } from "../store/rows.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { endpointOf, newGrant, refreshingAt } from "../support/oauth-tokens.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

export const vault = createVault(localKeys(`a:${"4b".repeat(31)}02`));
export const never = new AbortController().signal;
export const nothingMore = async () => {};

/** For all tests of the file: what they share is in place when the first of them begins. */
export function owningTokens() {
  let database: FreshDatabase;
  /** The store, as the superuser. */
  let admin: pg.Client;
  let server: OAuthServer;
  let stores: readonly [Store, Store];
  let first: Tokens;
  let second: Tokens;
  let lastSpan: Span | undefined;
  const outcomes: string[] = [];
  const observe = (observation: Observation) => {
    if (observation.kind !== "token_refreshed") return;
    outcomes.push(observation.outcome);
    lastSpan = observation.span;
  };

  beforeAll(async () => {
    [database, server] = await Promise.all([freshStore(), startOAuthServer()]);
    stores = [await openStore({ url: database.url, poolSize: 4 }), await openStore({ url: database.url, poolSize: 4 })];
    [first, second] = stores.map((store) => createTokens({ store, vault, observe })) as [Tokens, Tokens];
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });

  afterEach(() => {
    outcomes.length = 0;
    server.before = async () => {};
    server.after = async () => {};
    server.instead = undefined;
  });

  afterAll(async () => {
    await Promise.all([first.close(), second.close(), admin.end(), server.stop()]);
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });

  const refresh: ObtainTokens = (before, signal) => refreshingAt(endpointOf(server))(before, signal);
  const newOwner = () => ownerIn(stores[0]);
  return {
    ...{ outcomes, observe, refresh, newOwner },
    get first() {
      return first;
    },
    get second() {
      return second;
    },
    /** The first one's. */
    get store() {
      return stores[0];
    },
    get admin() {
      return admin;
    },
    get server() {
      return server;
    },
    get lastSpan() {
      return lastSpan;
    },
    /** A connector with what a user has granted, which expires in so many milliseconds. */
    async granted(expiresInMs: number): Promise<{ owner: TokenOwner; set: TokenSet }> {
      const [owner, grant] = await Promise.all([newOwner(), newGrant(server)]);
      const set = { ...grant, expireTime: new Date(Date.now() + expiresInMs) };
      await first.granted(owner, set, nothingMore);
      return { owner, set };
    },
    /** How often the server was asked for a refresh. */
    asked: () => server.tokenRequests.filter(({ grantType }) => grantType === "refresh_token").length,
    /** As of a set that was got long ago. */
    async aged(owner: TokenOwner): Promise<void> {
      await admin.query(
        "UPDATE connector_token SET refresh_time = refresh_time - interval '1 hour' WHERE connector_id = $1",
        [owner.connectorId],
      );
    },
    /** The replica that has the lease seems to be dead. */
    async overtakable(owner: TokenOwner): Promise<void> {
      await admin.query("UPDATE connector_token SET lease_time = now() - interval '1 s' WHERE connector_id = $1", [
        owner.connectorId,
      ]);
    },
  };
}

async function ownerIn(store: Store): Promise<TokenOwner> {
  const row = newConnector("acme", { credentialVersion: 1, sealedCredential: Buffer.from("sealed") });
  await store.withOrganization("acme", async (em) => void em.create(Connector, row));
  const endpoint = { base_url: "https://api.example" };
  return { organizationId: "acme", connectorId: row.id, credentialVersion: 1, provider: "rest", endpoint };
}

/** Lets a refresh go as far as it is called, and on when it is told. */
export function held(obtain: ObtainTokens, hold: "before" | "after") {
  const [reached, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const gate = () => {
    reached.resolve();
    return resumed.promise;
  };
  const obtained: ObtainTokens = async (before, signal) => {
    if (hold === "before") await gate();
    const set = await obtain(before, signal);
    if (hold === "after") await gate();
    return set;
  };
  return { obtain: obtained, reached: reached.promise, resume: resumed.resolve };
}
