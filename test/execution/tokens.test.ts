/** Tokens of two replicas on one store, refreshed at a real OAuth server whose refresh tokens are good once. */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { TokenOwner } from "../../src/execution/tokens/rows.ts";
import { createTokens, type Tokens } from "../../src/execution/tokens/tokens.ts";
import { Failure } from "../../src/failure.ts";
import type { Observation } from "../../src/observability/observation.ts";
import type { Span } from "../../src/observability/span.ts";
import type { KeptTokens, ObtainTokens, TokenSet, TokenStore } from "../../src/providers/contract/tokens.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { newConnector } from "../store/rows.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { clientCredentialsAt, endpointOf, newGrant, refreshingAt } from "../support/oauth-tokens.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

const vault = createVault(localKeys(`a:${"4b".repeat(31)}02`));
const never = new AbortController().signal;

let database: FreshDatabase;
/** The store, as the superuser. */
let admin: pg.Client;
let server: OAuthServer;
let stores: readonly [Store, Store];
let first: Tokens;
let second: Tokens;
let refresh: ObtainTokens;
const outcomes: string[] = [];
let lastSpan: Span | undefined;
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
  refresh = refreshingAt(endpointOf(server));
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

async function newOwner(): Promise<TokenOwner> {
  const row = newConnector("acme", { credentialVersion: 1, sealedCredential: Buffer.from("sealed") });
  await stores[0].withOrganization("acme", async (em) => void em.create(Connector, row));
  const endpoint = { base_url: "https://api.example" };
  return { organizationId: "acme", connectorId: row.id, credentialVersion: 1, provider: "rest", endpoint };
}

const nothingMore = async () => {};

/** A connector with what a user has granted, which expires in so many milliseconds. */
async function granted(expiresInMs: number): Promise<{ owner: TokenOwner; set: TokenSet }> {
  const [owner, grant] = await Promise.all([newOwner(), newGrant(server)]);
  const set = { ...grant, expireTime: new Date(Date.now() + expiresInMs) };
  await first.granted(owner, set, nothingMore);
  return { owner, set };
}

const asked = () => server.tokenRequests.filter(({ grantType }) => grantType === "refresh_token").length;

/** As of a set that was got long ago. */
async function aged(owner: TokenOwner): Promise<void> {
  await admin.query(
    "UPDATE connector_token SET refresh_time = refresh_time - interval '1 hour' WHERE connector_id = $1",
    [owner.connectorId],
  );
}

/** The replica that has the lease seems to be dead. */
async function overtakable(owner: TokenOwner): Promise<void> {
  await admin.query("UPDATE connector_token SET lease_time = now() - interval '1 s' WHERE connector_id = $1", [
    owner.connectorId,
  ]);
}

/** Lets a refresh go as far as it is called, and on when it is told. */
function held(obtain: ObtainTokens, hold: "before" | "after") {
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

test("a refresh is a part of the call that asked for it first, if that is recorded", async () => {
  const place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
  for (const [flags, expected] of [
    ["01", { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", parentId: "00f067aa0ba902b7" }],
    ["00", undefined],
  ] as const) {
    const { owner } = await granted(-1_000);
    await first.of(owner).get(refresh, never, `${place}-${flags}`);
    expect(lastSpan && { traceId: lastSpan.traceId, parentId: lastSpan.parentId }).toEqual(expected);
  }
});

test("100 calls on two replicas with an expired token that rotates refresh it once, and all get the new one", async () => {
  const { owner, set } = await granted(-1_000);
  const before = asked();
  const sessions = [first.of(owner), second.of(owner)] as const;
  const calls = Array.from({ length: 100 }, (_, i) => (sessions[i % 2] as TokenStore).get(refresh, never));
  const got = await Promise.all(calls);

  expect(asked() - before).toBe(1);
  expect(new Set(got.map(({ accessToken }) => accessToken)).size).toBe(1);
  const [{ accessToken, refreshToken, version }] = got as [KeptTokens];
  expect(version).toBe(2);
  expect(accessToken).not.toBe(set.accessToken);
  expect(refreshToken).not.toBe(set.refreshToken);
  expect(await server.accepts(accessToken)).toBe(true);
  expect(outcomes).toEqual(["refreshed"]);
  const health = { state: "ok", failures: 0, expireTime: expect.any(Date), refreshTime: expect.any(Date) };
  expect(await first.health("acme", owner.connectorId)).toEqual({ ...health, reason: undefined });
});

test("a token that is good is given from memory, and to a new session from the store", async () => {
  const { owner, set } = await granted(3_600_000);
  const before = asked();
  const session = second.of(owner);
  expect(await session.get(refresh, never)).toMatchObject({ ...set, expireTime: expect.any(Date), version: 1 });
  await admin.query("DELETE FROM connector_token WHERE connector_id = $1", [owner.connectorId]);
  expect((await session.get(refresh, never)).accessToken).toBe(set.accessToken);
  expect(asked()).toBe(before);
});

test("a token that soon expires is replaced while calls still use it", async () => {
  const { owner, set } = await granted(55_000);
  await aged(owner);
  const session = first.of(owner);
  const holding = held(refresh, "before");
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  // Found in the store; it is the second call that sees how little is left.
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  await holding.reached;
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  expect(await second.health("acme", owner.connectorId)).toMatchObject({ state: "refreshing" });
  holding.resume();
  await vi.waitFor(async () => expect((await session.get(refresh, never)).version).toBe(2), { timeout: 60_000 });
});

test("a caller that leaves ends no refresh, and the others get what it gives", async () => {
  const { owner } = await granted(-1_000);
  const before = asked();
  const session = first.of(owner);
  const holding = held(refresh, "before");
  const leaving = new AbortController();
  const left = session.get(holding.obtain, leaving.signal);
  await holding.reached;
  const staying = session.get(holding.obtain, never);
  leaving.abort(new Failure("cancelled", "The caller has left."));
  await expect(left).rejects.toMatchObject({ kind: "cancelled" });
  holding.resume();
  expect((await staying).version).toBe(2);
  expect(asked() - before).toBe(1);
});

test("a grant that was taken back is rejected for good, asked for once, until there is another one", async () => {
  const { owner, set } = await granted(-1_000);
  await server.revoke(set.refreshToken ?? "");
  const before = asked();
  const sessions = [first.of(owner), second.of(owner)] as const;
  const calls = Array.from({ length: 20 }, (_, i) => (sessions[i % 2] as TokenStore).get(refresh, never));
  for (const { status, ...rest } of await Promise.allSettled(calls)) {
    expect({ status, ...rest }).toMatchObject({
      status: "rejected",
      reason: { kind: "credential_rejected", final: true },
    });
  }
  expect(asked() - before).toBe(1);
  expect(outcomes).toEqual(["rejected"]);
  const health = await second.health("acme", owner.connectorId);
  expect(health).toMatchObject({ state: "revoked", failures: 1, reason: "credential_rejected" });

  const another = { ...(await newGrant(server)), expireTime: undefined };
  await second.granted(owner, another, nothingMore);
  for (const session of sessions) expect((await session.get(refresh, never)).accessToken).toBe(another.accessToken);
  expect(await first.health("acme", owner.connectorId)).toMatchObject({ state: "ok", expireTime: undefined });
});

test("a replica that was overtaken before it asked is refused, and takes what the other one has got", async () => {
  const { owner } = await granted(-1_000);
  const holding = held(refresh, "before");
  const slow = first.of(owner).get(holding.obtain, never);
  await holding.reached;
  await overtakable(owner);
  const { accessToken } = await second.of(owner).get(refresh, never);
  holding.resume();
  expect((await slow).accessToken).toBe(accessToken);
  expect(outcomes).toEqual(["refreshed", "lost_race"]);
  expect(await first.health("acme", owner.connectorId)).toMatchObject({ state: "ok", failures: 0 });
});

test("of two that refreshed the same set the one that was answered first counts, and what the other one got does not", async () => {
  const owner = await newOwner();
  const own = clientCredentialsAt(endpointOf(server));
  const holding = held(own, "after");
  const slow = first.of(owner).get(holding.obtain, never);
  await holding.reached;
  await overtakable(owner);
  const overtaking = held(own, "after");
  const fast = second.of(owner).get(overtaking.obtain, never);
  await overtaking.reached;
  holding.resume();
  const { accessToken, version } = await slow;
  overtaking.resume();
  expect(await fast).toMatchObject({ accessToken, version });
  expect(outcomes).toEqual(["refreshed", "lost_race"]);
});

test("a server that can't answer fails the calls as it does, and the next ones ask again", async () => {
  const { owner } = await granted(-1_000);
  server.instead = (_, response) => {
    response.writeHead(503).end('{"error":"temporarily_unavailable"}');
    return true;
  };
  const session = first.of(owner);
  const calls = await Promise.allSettled([session.get(refresh, never), session.get(refresh, never)]);
  for (const call of calls) expect(call).toMatchObject({ reason: { kind: "upstream_unavailable" } });
  const health = await first.health("acme", owner.connectorId);
  expect(health).toMatchObject({ state: "failing", failures: 1, reason: "upstream_unavailable" });
  server.instead = undefined;
  expect((await second.of(owner).get(refresh, never)).version).toBe(2);
  expect(outcomes).toEqual(["failed", "refreshed"]);
});

test("a refresh that fails in the background fails no call", async () => {
  const { owner, set } = await granted(55_000);
  await aged(owner);
  const session = first.of(owner);
  const failing: ObtainTokens = () => Promise.reject(new Failure("upstream_unreachable", "Nobody is there."));
  for (let call = 0; call < 2; call++) expect((await session.get(failing, never)).accessToken).toBe(set.accessToken);
  await vi.waitFor(() => expect(outcomes).toEqual(["failed"]), { timeout: 60_000 });
  for (let call = 0; call < 10; call++) expect((await session.get(failing, never)).accessToken).toBe(set.accessToken);
  await delay(0);
  expect(outcomes).toEqual(["failed"]);
});

test("a token that the source refuses before its time is replaced, once, and not when it is new", async () => {
  const { owner } = await granted(3_600_000);
  await aged(owner);
  const [session, other] = [first.of(owner), second.of(owner)];
  const [old, theirs] = [await session.get(refresh, never), await other.get(refresh, never)];
  expect(session.refused(old)).toBe(true);
  const next = await session.get(refresh, never);
  expect(next.version).toBe(2);
  expect(session.refused(old)).toBe(true);
  expect(await session.get(refresh, never)).toBe(next);
  expect(session.refused(next)).toBe(false);
  expect(await session.get(refresh, never)).toBe(next);
  // Another replica hears of it when its own is refused, and finds the newer one.
  expect(other.refused(theirs)).toBe(true);
  expect((await other.get(refresh, never)).accessToken).toBe(next.accessToken);
  expect(outcomes).toEqual(["refreshed"]);
});

test("what was got is stored when the store is there again", async () => {
  const { owner } = await granted(-1_000);
  let away = 0;
  const leaky: Pick<Store, "withOrganization"> = {
    withOrganization(organizationId, work) {
      if (away > 0) return Promise.reject(new Failure("service_unavailable", `Away ${away--} times more.`));
      return stores[0].withOrganization(organizationId, work);
    },
  };
  const tokens = createTokens({ store: leaky, vault, observe });
  const got = tokens.of(owner).get(async (before, signal) => {
    const set = await refresh(before, signal);
    away = 2;
    return set;
  }, never);
  const { accessToken } = await got;
  expect((await second.of(owner).get(refresh, never)).accessToken).toBe(accessToken);
});

test("who stops waits for what a refresh is about to get, and stores it", async () => {
  const { owner } = await granted(-1_000);
  const stopping = createTokens({ store: stores[0], vault, observe });
  const holding = held(refresh, "after");
  const leaving = new AbortController();
  const left = stopping.of(owner).get(holding.obtain, leaving.signal);
  await holding.reached;
  leaving.abort(new Failure("shutting_down", "The service is stopping."));
  await expect(left).rejects.toMatchObject({ kind: "shutting_down" });
  const closed = stopping.close();
  holding.resume();
  await closed;
  const before = asked();
  expect((await second.of(owner).get(refresh, never)).version).toBe(2);
  expect(asked()).toBe(before);
});

test("another credential begins anew, and what was got with the one before is of no use", async () => {
  const { owner } = await granted(3_600_000);
  const later: TokenOwner = { ...owner, credentialVersion: 2 };
  await expect(first.of(later).get(refresh, never)).rejects.toThrow("Nobody has granted anything yet.");
  await expect(second.of(owner).get(refresh, never)).rejects.toMatchObject({
    kind: "credential_rejected",
    final: true,
  });
  await expect(first.granted(owner, await newGrant(server), nothingMore)).rejects.toMatchObject({
    kind: "credential_rejected",
  });
  await second.granted(later, await newGrant(server), nothingMore);
  expect((await first.of(later).get(refresh, never)).version).toBe(1);
});

test("the tokens of a connector that is deleted go with it", async () => {
  const { owner } = await granted(-1_000);
  await stores[0].withOrganization("acme", (em) => em.nativeDelete(Connector, { id: owner.connectorId }));
  const { rowCount } = await admin.query("SELECT FROM connector_token WHERE connector_id = $1", [owner.connectorId]);
  expect(rowCount).toBe(0);
  await expect(first.of(owner).get(refresh, never)).rejects.toMatchObject({ kind: "not_found" });
  await expect(first.granted(owner, await newGrant(server), nothingMore)).rejects.toMatchObject({ kind: "not_found" });
});

test("a sealed set opens nowhere but in its place", async () => {
  const [mine, theirs] = [await granted(3_600_000), await granted(3_600_000)];
  await admin.query(
    `UPDATE connector_token SET sealed_tokens = (SELECT sealed_tokens FROM connector_token WHERE connector_id = $2)
     WHERE connector_id = $1`,
    [mine.owner.connectorId, theirs.owner.connectorId],
  );
  await expect(first.of(mine.owner).get(refresh, never)).rejects.toMatchObject({ kind: "internal" });
  const elsewhere = { ...theirs.owner, endpoint: { base_url: "https://rogue.example" } };
  await expect(first.of(elsewhere).get(refresh, never)).rejects.toMatchObject({ kind: "internal" });
  expect(await first.of(theirs.owner).get(refresh, never)).toMatchObject({ version: 1 });
});

test("what is stored shows no token", async () => {
  const { owner, set } = await granted(3_600_000);
  const { rows } = await admin.query(
    "SELECT *, sealed_tokens::text AS hex FROM connector_token WHERE connector_id = $1",
    [owner.connectorId],
  );
  const shown = `${JSON.stringify(rows)} ${rows[0].sealed_tokens.toString("latin1")}`;
  for (const token of [set.accessToken, set.refreshToken ?? ""]) {
    for (const encoding of ["utf8", "hex", "base64"] as const) {
      expect(shown).not.toContain(Buffer.from(token).toString(encoding));
    }
  }
});
