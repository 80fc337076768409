/** Users who grant connectors access at a real OAuth server, and browsers that come back to a real port. */
import { createSecretKey, randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, vi } from "vitest";
import { z } from "zod";
import {
  type AuthorizationEnded,
  type Authorizations,
  callbackPath,
  createAuthorizations,
} from "../../src/execution/authorization/authorizations.ts";
import { createTokens, type Tokens } from "../../src/execution/tokens/tokens.ts";
import { Failure } from "../../src/failure.ts";
import { defineProvider, type Provider } from "../../src/providers/contract.ts";
import { authorizationPage } from "../../src/server/authorization-page.ts";
import { listen, type Server } from "../../src/server/port.ts";
import { Connector, type ConnectorRow } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { sealCredential } from "../../src/vault/credential.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { newConnector } from "../store/rows.ts";
import type { Browsing } from "../support/oauth-browser.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { authorizationAt } from "../support/oauth-tokens.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

export const vault = createVault(localKeys(`a:${"4b".repeat(31)}02`));
const key = createSecretKey(randomBytes(32));
export const never = new AbortController().signal;
export const returnUri = "https://app.test/done?tab=connectors";
const endpoint = { base_url: "https://api.test" };
export const caller = { principal: "alice", authentication: "api_key", apiKeyId: undefined } as const;

const onFault = (fault: unknown) => expect.fail(`A fault: ${fault}`);

/** For all tests of the file: what they share is in place when the first of them begins. */
export function authorizing() {
  let database: FreshDatabase;
  /** The store, as the superuser. */
  let admin: pg.Client;
  let oauth: OAuthServer;
  let store: Store;
  let tokens: Tokens;
  let authorizations: Authorizations;
  let server: Server;
  const granted = vi.fn(async (_em: unknown, _ended: AuthorizationEnded) => {});
  const failed = vi.fn(async (_ended: AuthorizationEnded, _reason: string) => {});
  const forget = vi.fn();

  beforeAll(async () => {
    [database, oauth] = await Promise.all([freshStore(), startOAuthServer()]);
    store = await openStore({ url: database.url, poolSize: 4 });
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    tokens = createTokens({ store, vault, observe: () => {} });
    authorizations = roomOf("https://service.test");
    server = await listen({
      ...{ host: "127.0.0.1", port: 0, routes: () => {} },
      pages: authorizationPage({ path: callbackPath, complete: (answer) => authorizations.complete(answer), onFault }),
    });
  });

  beforeEach(() => void vi.clearAllMocks());

  afterAll(async () => {
    await Promise.all([server.drain(0), oauth.stop(), admin.end()]);
    await store.close();
    await database.drop();
  });

  function roomOf(publicUrl: string | undefined, provider = providerAt(oauth)): Authorizations {
    return createAuthorizations({
      ...{ store, vault, tokens, key, publicUrl, granted, failed, forget },
      catalogue: { providers: [provider], get: () => provider },
      returnOrigins: ["https://app.test"],
      dialFor: () => () => expect.fail("The test's provider dials by itself."),
      connectorOf: (organizationId, id) => connectorIn(store, organizationId, id),
    });
  }

  const newRow = () => newRowIn(store);

  const comeBack = (answer: URLSearchParams | string) =>
    fetch(`${server.url}/oauth/callback?${answer}`, { redirect: "manual" });

  return {
    ...{ granted, failed, forget, roomOf, newRow, comeBack },
    get admin() {
      return admin;
    },
    get oauth() {
      return oauth;
    },
    get store() {
      return store;
    },
    get tokens() {
      return tokens;
    },
    get authorizations() {
      return authorizations;
    },
    get server() {
      return server;
    },
    async started(connector?: ConnectorRow, apiKeyId?: string) {
      const row = connector ?? (await newRow());
      const noted = vi.fn(async () => {});
      const asked = { ...caller, apiKeyId, returnUri, signal: never, noted };
      const { authorizationUri, expireTime } = await authorizations.start(row, asked);
      expect(noted).toHaveBeenCalledOnce();
      return { row, expireTime, url: new URL(authorizationUri) };
    },
    /** What the user's browser comes back with. */
    async consented(url: URL, browsing?: Browsing): Promise<URLSearchParams> {
      const back = await oauth.consent(url, browsing);
      expect(`${back.origin}${back.pathname}`).toBe("https://service.test/oauth/callback");
      return back.searchParams;
    },
    async sentOn(answer: URLSearchParams): Promise<URL> {
      const response = await comeBack(answer);
      expect(response.status).toBe(302);
      return new URL(response.headers.get("location") ?? "");
    },
    sessionOf: ({ id }: ConnectorRow) =>
      tokens.of({ organizationId: "acme", connectorId: id, credentialVersion: 1, provider: "rest", endpoint }),
  };
}

export function providerAt(server: OAuthServer): Provider {
  return defineProvider({
    ...{ id: "rest", title: "REST", type: "api", capabilities: [], config: z.object({}), classify: () => undefined },
    ...{ credential: z.object({ client_secret: z.string() }), endpoint: () => endpoint },
    open: () => expect.fail("Nobody opens a session."),
    authorization: authorizationAt(server),
  });
}

function connectorIn(store: Store, organizationId: string, id: string): Promise<ConnectorRow> {
  return store.withOrganization(organizationId, async (em) => {
    const found = await em.findOne(Connector, { id, organizationId }, { populate: ["sealedCredential"] });
    if (found === null) throw new Failure("not_found", "There is no such connector.");
    return { ...found };
  });
}

async function newRowIn(store: Store): Promise<ConnectorRow> {
  const id = crypto.randomUUID();
  const place = { organizationId: "acme", connectorId: id, version: 1, provider: "rest", endpoint };
  const sealed = await sealCredential(vault, place, { client_secret: "s3cret" });
  const given = { id, provider: "rest", config: {}, sealedCredential: Buffer.from(sealed), credentialVersion: 1 };
  return store.withOrganization("acme", async (em) => {
    const row = em.create(Connector, newConnector("acme", given));
    await em.flush();
    return { ...row };
  });
}
