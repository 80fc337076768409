/** A user grants a connector access in a browser; two replicas call its API by tokens that one of them refreshes. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { certificateAuthority } from "../support/certificate.ts";
import type { Browsing } from "../support/oauth-browser.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { isTorture } from "../torture/scale.ts";

const returnUri = "https://app.test/done";

let store: FreshDatabase;
/** The store, as the superuser. */
let admin: pg.Client;
let oauth: OAuthServer;
let api: Awaited<ReturnType<typeof startApi>>;
let replicas: Replicas;

beforeAll(async () => {
  [store, oauth] = await Promise.all([freshStore(), startOAuthServer()]);
  api = await startApi();
  replicas = await twoReplicas(store.url, {
    PUBLIC_URL: "https://service.test",
    AUTHORIZATION_RETURN_ORIGINS: "https://app.test",
  });
  admin = new pg.Client({ connectionString: store.url });
  await admin.connect();
});

afterAll(async () => {
  await Promise.all([admin.end(), replicas.stop()]);
  await Promise.all([oauth.stop(), api.stop()]);
  await store.drop();
});

/** `GET /orders` is two rows for who shows a token that is good at the OAuth server. */
async function startApi() {
  const authority = certificateAuthority("api");
  let refused = 0;
  let last = "";
  const server = createServer(authority.issue(), async (request, response) => {
    const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const isGood = await oauth.accepts(token);
    if (isGood) last = token;
    else refused++;
    response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
    response.end(isGood ? '[{"id":1},{"id":2}]' : "{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: authority.cert,
    /** Requests with tokens that are not good, up to now. */
    refused: () => refused,
    /** The latest token that was. */
    lastToken: () => last,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function newConnector(name: string): Promise<string> {
  const { id: clientId, secret } = oauth.clients.post;
  const authentication = {
    ...{ type: "oauth2_authorization_code", issuer: oauth.issuer, ca: oauth.ca, client_id: clientId },
    ...{ client_authentication: "client_secret_post", scopes: ["openid", "offline_access"] },
    authorization_parameters: { prompt: "consent" },
  };
  const resources = [{ name: "orders", path: "/orders", fields: [{ name: "id", type: "int64" }] }];
  const { id } = await replicas.first.client.createConnector({
    ...{ provider: "rest", name, config: { base_url: api.url, ca: api.ca, authentication, resources } },
    credential: { type: "oauth2_authorization_code", client_secret: secret },
  });
  return id;
}

const read = ({ client }: Replica, id: string) => client.query(id, { resource: "orders" });
const healthIn = async ({ client }: Replica, connectorId: string) =>
  (await client.rpc.getStats({ connectorId })).refresh;

/** Where the user's browser ends, which was sent off by one replica and came back to the other one. */
async function authorized(connectorId: string, browsing?: Browsing): Promise<URL> {
  const { authorizationUri } = await replicas.first.client.rpc.startAuthorization({ connectorId, returnUri });
  const { pathname, search } = await oauth.consent(new URL(authorizationUri), browsing);
  const back = `http://127.0.0.1:${replicas.second.port}${pathname}${search}`;
  const response = await fetch(back, { redirect: "manual" });
  expect(response.status).toBe(302);
  return new URL(response.headers.get("location") ?? "");
}

async function expire(id: string): Promise<void> {
  await admin.query("UPDATE connector_token SET expire_time = now() - interval '1 s' WHERE connector_id = $1", [id]);
}

const refreshes = () => oauth.tokenRequests.filter(({ grantType }) => grantType === "refresh_token").length;

test("100 calls on two replicas with an expired token that rotates: one refresh at the OAuth server, and no call fails", async () => {
  const id = await newConnector("busy");
  expect((await authorized(id)).href).toBe(`${returnUri}?connector_id=${id}`);
  await expire(id);
  const before = refreshes();
  const calls = Array.from({ length: 100 }, (_, i) => read(replicas.both[i % 2] as Replica, id));
  const ends = await Promise.allSettled(calls);

  expect(ends.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(refreshes() - before).toBe(1);
  expect(api.refused()).toBe(0);
  const health = await healthIn(replicas.second, id);
  expect(health).toMatchObject({ state: "ok", failures: 0, reason: "" });
  expect(Number(health?.expireTime?.seconds)).toBeGreaterThan(Date.now() / 1_000);
});

// It takes as long as the lease of the one that is killed.
test.runIf(isTorture)(
  "the replica that refreshes is killed midway: the grant survives, and the other one's calls succeed",
  async () => {
    const id = await newConnector("killed");
    await authorized(id);
    await expire(id);
    const before = refreshes();
    const reached = Promise.withResolvers<void>();
    oauth.before = () => {
      reached.resolve();
      oauth.before = async () => {};
      // Of the one that is killed the server never hears.
      return new Promise(() => {});
    };
    const lost = read(replicas.first, id).catch((error: unknown) => error);
    await reached.promise;
    const calls = Array.from({ length: 50 }, () => read(replicas.second, id));
    await replicas.first.kill();
    const ends = await Promise.allSettled(calls);
    expect(ends.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(refreshes() - before).toBe(1);
    expect(await lost).toBeInstanceOf(Error);
    expect(await healthIn(replicas.second, id)).toMatchObject({ state: "ok", failures: 0 });
    await replicas.first.start();
    expect((await read(replicas.first, id)).rows).toHaveLength(2);
  },
);

test("a connector that nobody has authorized says so, and serves in both replicas as soon as somebody has", async () => {
  const id = await newConnector("new");
  for (const replica of replicas.both) {
    await expect(read(replica, id)).rejects.toMatchObject({ reason: "CREDENTIAL_REJECTED" });
  }
  expect((await authorized(id, { denies: true })).search).toBe(`?connector_id=${id}&error=access_denied`);
  await expect(read(replicas.first, id)).rejects.toMatchObject({ reason: "CREDENTIAL_REJECTED" });
  await authorized(id);
  for (const replica of replicas.both) {
    await until("the replica calls with what was granted", async () => {
      return (await read(replica, id).catch(() => undefined))?.rows.length === 2;
    });
  }
  const events = await admin.query(
    `SELECT entry::jsonb ->> 'event' AS event, outcome, actor FROM audit_event
     WHERE connector_id = $1 AND entry LIKE '%authorization.%' ORDER BY create_time, id`,
    [id],
  );
  expect(events.rows).toEqual([
    { event: "authorization.start", outcome: "succeeded", actor: "tester" },
    { event: "authorization.complete", outcome: "failed", actor: "tester" },
    { event: "authorization.start", outcome: "succeeded", actor: "tester" },
    { event: "authorization.complete", outcome: "succeeded", actor: "tester" },
  ]);
  const openings = await admin.query(
    `SELECT DISTINCT entry::jsonb -> 'details' ->> 'tokens' AS tokens FROM audit_event
     WHERE connector_id = $1 AND entry LIKE '%credential.open%' ORDER BY tokens`,
    [id],
  );
  // The credential itself, and the set that was got with it.
  expect(openings.rows).toEqual([{ tokens: "1" }, { tokens: null }]);
});

test("a grant that its user takes back is told as such by both replicas, until there is another one", async () => {
  const id = await newConnector("revoked");
  await authorized(id);
  await read(replicas.first, id);
  const { rows } = await admin.query("SELECT version FROM connector_token WHERE connector_id = $1", [id]);
  expect(rows).toEqual([{ version: 1 }]);
  await oauth.revoke(api.lastToken());
  // As long ago as it takes to be believed that it is not new.
  await admin.query(
    "UPDATE connector_token SET refresh_time = refresh_time - interval '1 hour' WHERE connector_id = $1",
    [id],
  );
  const before = refreshes();
  for (const replica of [replicas.second, replicas.second, replicas.second]) {
    await expect(read(replica, id)).rejects.toMatchObject({ reason: "CREDENTIAL_REJECTED" });
  }
  expect(refreshes() - before).toBe(1);
  expect(await healthIn(replicas.first, id)).toMatchObject({ state: "revoked", reason: "CREDENTIAL_REJECTED" });
  await authorized(id);
  await until("the replica calls with what was granted", async () => {
    return (await read(replicas.second, id).catch(() => undefined))?.rows.length === 2;
  });
});
