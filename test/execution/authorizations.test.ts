/** Users grant connectors access at a real OAuth server, and their browsers come back to a real port. */
import { createSecretKey, randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
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
import { ApiKey } from "../../src/store/entities/apiKey.ts";
import { Connector, type ConnectorRow } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { sealCredential } from "../../src/vault/credential.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { newApiKey, newConnector } from "../store/rows.ts";
import type { Browsing } from "../support/oauth-browser.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { authorizationAt, endpointOf, refreshingAt } from "../support/oauth-tokens.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

const vault = createVault(localKeys(`a:${"4b".repeat(31)}02`));
const key = createSecretKey(randomBytes(32));
const never = new AbortController().signal;
const returnUri = "https://app.test/done?tab=connectors";
const endpoint = { base_url: "https://api.test" };

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

const onFault = (fault: unknown) => expect.fail(`A fault: ${fault}`);

beforeEach(() => void vi.clearAllMocks());

afterAll(async () => {
  await Promise.all([server.drain(0), oauth.stop(), admin.end()]);
  await store.close();
  await database.drop();
});

function providerAt(server: OAuthServer): Provider {
  return defineProvider({
    ...{ id: "rest", title: "REST", type: "api", capabilities: [], config: z.object({}), classify: () => undefined },
    ...{ credential: z.object({ client_secret: z.string() }), endpoint: () => endpoint },
    open: () => expect.fail("Nobody opens a session."),
    authorization: authorizationAt(server),
  });
}

function roomOf(publicUrl: string | undefined, provider = providerAt(oauth)): Authorizations {
  return createAuthorizations({
    ...{ store, vault, tokens, key, publicUrl, granted, failed, forget },
    catalogue: { providers: [provider], get: () => provider },
    returnOrigins: ["https://app.test"],
    dialFor: () => () => expect.fail("The test's provider dials by itself."),
    connectorOf: (organizationId, id) =>
      store.withOrganization(organizationId, async (em) => {
        const found = await em.findOne(Connector, { id, organizationId }, { populate: ["sealedCredential"] });
        if (found === null) throw new Failure("not_found", "There is no such connector.");
        return { ...found };
      }),
  });
}

async function newRow(): Promise<ConnectorRow> {
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

const caller = { principal: "alice", authentication: "api_key", apiKeyId: undefined } as const;

async function started(connector?: ConnectorRow, apiKeyId?: string) {
  const row = connector ?? (await newRow());
  const noted = vi.fn(async () => {});
  const asked = { ...caller, apiKeyId, returnUri, signal: never, noted };
  const { authorizationUri, expireTime } = await authorizations.start(row, asked);
  expect(noted).toHaveBeenCalledOnce();
  return { row, expireTime, url: new URL(authorizationUri) };
}

/** What the user's browser comes back with. */
async function consented(url: URL, browsing?: Browsing): Promise<URLSearchParams> {
  const back = await oauth.consent(url, browsing);
  expect(`${back.origin}${back.pathname}`).toBe("https://service.test/oauth/callback");
  return back.searchParams;
}

const comeBack = (answer: URLSearchParams | string) =>
  fetch(`${server.url}/oauth/callback?${answer}`, { redirect: "manual" });

async function sentOn(answer: URLSearchParams): Promise<URL> {
  const response = await comeBack(answer);
  expect(response.status).toBe(302);
  return new URL(response.headers.get("location") ?? "");
}

const sessionOf = ({ id }: ConnectorRow) =>
  tokens.of({ organizationId: "acme", connectorId: id, credentialVersion: 1, provider: "rest", endpoint });

test("what a user grants is stored before the browser is sent on, which tells nobody where it comes from", async () => {
  const { row, url, expireTime } = await started();
  expect(expireTime.getTime() - Date.now()).toBeGreaterThan(9 * 60_000);
  expect(url.searchParams.get("redirect_uri")).toBe("https://service.test/oauth/callback");
  expect(url.searchParams.get("code_challenge_method")).toBe("S256");
  const response = await comeBack(await consented(url));

  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe(`${returnUri}&connector_id=${row.id}`);
  expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const kept = await sessionOf(row).get(refreshingAt(endpointOf(oauth)), never);
  expect(await oauth.accepts(kept.accessToken)).toBe(true);
  expect(kept.refreshToken).toBeDefined();
  const { rows } = await admin.query("SELECT version, credential_update_time AS time FROM connector WHERE id = $1", [
    row.id,
  ]);
  expect(rows).toEqual([{ version: row.version + 1, time: expect.any(Date) }]);
  const ended = { organizationId: "acme", connectorId: row.id, principal: "alice", authentication: "api_key" };
  expect(granted.mock.calls).toEqual([[expect.anything(), { ...ended, provider: "rest" }]]);
  expect(forget.mock.calls).toEqual([["acme", row.id]]);
  expect(failed).not.toHaveBeenCalled();
});

test("what another user grants takes the place of what was granted before", async () => {
  const { row, url } = await started();
  await sentOn(await consented(url));
  const before = await sessionOf(row).get(refreshingAt(endpointOf(oauth)), never);
  const again = await started(row);
  await sentOn(await consented(again.url, { user: "bob" }));
  const after = await sessionOf(row).get(refreshingAt(endpointOf(oauth)), never);
  expect(after.version).toBe(before.version + 1);
  expect(after.accessToken).not.toBe(before.accessToken);
});

test("a user who says no is sent on with that, and nothing is stored", async () => {
  const { row, url } = await started();
  const location = await sentOn(await consented(url, { denies: true }));
  expect(location.href).toBe(`${returnUri}&connector_id=${row.id}&error=access_denied`);
  expect(await tokens.health("acme", row.id)).toBeUndefined();
  expect(failed.mock.calls).toEqual([[expect.objectContaining({ connectorId: row.id }), "upstream_permission_denied"]]);
  expect(granted).not.toHaveBeenCalled();
});

test("a browser comes back once: of two at a time one is sent on, and nobody after them", async () => {
  const { url } = await started();
  const answer = await consented(url);
  const statuses = (await Promise.all([comeBack(answer), comeBack(answer)])).map(({ status }) => status);
  expect(statuses.toSorted()).toEqual([302, 400]);
  const again = await comeBack(answer);
  expect(again.status).toBe(400);
  expect(await again.text()).toMatch(/^The authorization was used before, or has expired\. Begin again/);
  expect(granted).toHaveBeenCalledOnce();
});

test("a state that this service did not make, or not so, leads nowhere", async () => {
  const { url } = await started();
  const answer = await consented(url);
  const state = answer.get("state") ?? "";
  const middle = state.length / 2;
  const flipped = `${state.slice(0, middle)}${state[middle] === "A" ? "B" : "A"}${state.slice(middle + 1)}`;
  const foreign = createAuthorizations({ ...foreignOptions(), key: createSecretKey(randomBytes(32)) });
  const theirs = await foreign.start(await newRow(), { ...caller, returnUri, signal: never, noted: async () => {} });
  const forged = new URL(theirs.authorizationUri).searchParams.get("state") ?? "";
  for (const each of ["", "x", `${state}A`, `${state}=`, flipped, state.slice(0, -8), "A".repeat(10_000), forged]) {
    const response = await comeBack(new URLSearchParams({ code: answer.get("code") ?? "", state: each }));
    expect({ each, status: response.status }).toEqual({ each, status: 400 });
    expect(await response.text()).toContain("did not come from this service");
  }
  // It is as good as before.
  expect((await sentOn(answer)).searchParams.has("error")).toBe(false);
});

function foreignOptions() {
  const provider = providerAt(oauth);
  return {
    ...{ store, vault, tokens, key, publicUrl: "https://service.test", granted, failed, forget },
    ...{ catalogue: { providers: [provider], get: () => provider }, returnOrigins: ["https://app.test"] },
    ...{ dialFor: () => () => expect.fail("Nobody dials."), connectorOf: () => expect.fail("Nobody asks.") },
  };
}

const moved = "UPDATE connector_authorization SET";

test.each([
  ["is not for another principal", () => `${moved} principal = 'mallory'`],
  ["is not for another connector", (another: string) => `${moved} connector_id = '${another}'`],
  [
    "is not for another organization",
    (_: string, theirs: string) => `${moved} organization_id = 'other', connector_id = '${theirs}'`,
  ],
  ["ends with its connector", () => "DELETE FROM connector"],
])("an authorization %s", async (_, change) => {
  const { row, url } = await started();
  const answer = await consented(url);
  const [another, theirs] = [await newRow(), newConnector("other")];
  await store.withOrganization("other", async (em) => void em.create(Connector, theirs));
  const statement = change(another.id, theirs.id);
  await admin.query(`${statement} WHERE ${statement.startsWith(moved) ? "connector_id" : "id"} = $1`, [row.id]);

  expect((await comeBack(answer)).status).toBe(400);
  for (const { id } of [row, another]) expect(await tokens.health("acme", id)).toBeUndefined();
  expect(await tokens.health("other", theirs.id)).toBeUndefined();
});

test.each([
  [
    "took too long",
    "deadline_exceeded",
    "UPDATE connector_authorization SET expire_time = now() - interval '1 s' WHERE connector_id = $1",
  ],
  ["met another credential", "conflict", "UPDATE connector SET credential_version = 2 WHERE id = $1"],
  ["met a disabled connector", "connector_disabled", "UPDATE connector SET disabled = true WHERE id = $1"],
])("an authorization that %s is sent on with an error, and nothing is stored", async (_, error, change) => {
  const { row, url } = await started();
  const answer = await consented(url);
  await admin.query(change, [row.id]);
  expect((await sentOn(answer)).searchParams.get("error")).toBe(error);
  expect(await tokens.health("acme", row.id)).toBeUndefined();
  expect((await comeBack(answer)).status).toBe(400);
});

test("another credential that comes while the code is exchanged gets nothing of what was granted with the one before", async () => {
  const { row, url } = await started();
  const answer = await consented(url);
  oauth.after = async () => {
    oauth.after = async () => {};
    await admin.query("UPDATE connector SET credential_version = 2 WHERE id = $1", [row.id]);
  };
  expect((await sentOn(answer)).searchParams.get("error")).toBe("conflict");
  expect(await tokens.health("acme", row.id)).toBeUndefined();
  expect(granted).not.toHaveBeenCalled();
});

test("an API key that was revoked meanwhile ends what was begun with it", async () => {
  const apiKey = newApiKey("acme");
  await store.withOrganization("acme", async (em) => void em.create(ApiKey, apiKey));
  const [good, late] = [await started(undefined, apiKey.id), await started(undefined, apiKey.id)];
  expect((await sentOn(await consented(good.url))).searchParams.has("error")).toBe(false);
  const answer = await consented(late.url);
  await admin.query("UPDATE api_key SET revoke_time = now() WHERE id = $1", [apiKey.id]);
  expect((await sentOn(answer)).searchParams.get("error")).toBe("unauthenticated");
  expect(await tokens.health("acme", late.row.id)).toBeUndefined();
});

test("what the authorization server answers is not what the browser is told", async () => {
  const { row, url } = await started();
  const answer = await consented(url);
  answer.set("code", "made-up");
  const location = await sentOn(answer);
  expect(location.href).toBe(`${returnUri}&connector_id=${row.id}&error=invalid_grant`);
});

test("a browser that goes somewhere else, or comes in another way, is not sent on", async () => {
  expect((await fetch(`${server.url}/oauth/callback/`, { redirect: "manual" })).status).toBe(404);
  const posted = await fetch(`${server.url}/oauth/callback`, { method: "POST", body: "state=x" });
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
});

test.each([
  ["https://rogue.test/done", /operator allows/],
  ["https://app.test.rogue.test/", /operator allows/],
  ["http://app.test/done", /operator allows/],
  ["https://app.test:8443/done", /operator allows/],
  ["https://app.test@rogue.test/", /no user/],
  ["https://me:pw@app.test/", /no user/],
  ["https://app.test/done#part", /no fragment/],
  ["javascript:alert(1)", /http or https/],
  ["//app.test/done", /http or https/],
  ["", /http or https/],
])("no browser is sent on to %s", async (uri, problem) => {
  const row = await newRow();
  const starting = authorizations.start(row, { ...caller, returnUri: uri, signal: never, noted: async () => {} });
  await expect(starting).rejects.toMatchObject({
    kind: "invalid_request",
    fields: [{ field: "return_uri", description: expect.stringMatching(problem) }],
  });
});

test("nothing is begun where no browser could come back, for what is granted in no browser, or for what is disabled", async () => {
  const row = await newRow();
  const asked = { ...caller, returnUri, signal: never, noted: async () => {} };
  await expect(roomOf(undefined).start(row, asked)).rejects.toMatchObject({ kind: "configuration_rejected" });
  const { authorization: _, ...without } = providerAt(oauth);
  await expect(roomOf("https://service.test", without).start(row, asked)).rejects.toMatchObject({
    kind: "unsupported",
  });
  await expect(authorizations.start({ ...row, disabled: true }, asked)).rejects.toMatchObject({
    kind: "connector_disabled",
  });
});

test("no more than 100 are under way for one connector, and those that have expired are not", async () => {
  const row = await newRow();
  const asked = { ...caller, returnUri, signal: never, noted: async () => {} };
  await admin.query(
    `INSERT INTO connector_authorization
     SELECT 'acme', sha256(n::text::bytea), $1, 1, 'alice', 'https://app.test/', now(), now() + interval '10 min'
     FROM generate_series(1, 99) AS n`,
    [row.id],
  );
  await authorizations.start(row, asked);
  await expect(authorizations.start(row, asked)).rejects.toMatchObject({ kind: "rate_limited" });
  await admin.query("UPDATE connector_authorization SET expire_time = now() - interval '1 s' WHERE connector_id = $1", [
    row.id,
  ]);
  await authorizations.start(row, asked);
});

test("what is stored of an authorization can't complete it", async () => {
  const { row, url } = await started();
  const { rows } = await admin.query("SELECT * FROM connector_authorization WHERE connector_id = $1", [row.id]);
  const shown = JSON.stringify(rows) + rows[0].state_hash.toString("base64url");
  expect(rows).toHaveLength(1);
  expect(shown).not.toContain(url.searchParams.get("state"));
  expect(shown).not.toContain(url.searchParams.get("code_challenge"));
});
