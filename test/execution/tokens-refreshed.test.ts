/** A token is refreshed once for all who wait for it on two replicas, by whichever of them is the first. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Failure } from "../../src/failure.ts";
import type { KeptTokens, ObtainTokens, TokenStore } from "../../src/providers/contract/tokens.ts";
import { clientCredentialsAt, endpointOf, newGrant } from "../support/oauth-tokens.ts";
import { held, never, nothingMore, owningTokens } from "./owning-tokens.ts";

const replicas = owningTokens();
const { aged, asked, granted, newOwner, outcomes, overtakable, refresh } = replicas;

test("a refresh is a part of the call that asked for it first, if that is recorded", async () => {
  const place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
  for (const [flags, expected] of [
    ["01", { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", parentId: "00f067aa0ba902b7" }],
    ["00", undefined],
  ] as const) {
    const { owner } = await granted(-1_000);
    await replicas.first.of(owner).get(refresh, never, `${place}-${flags}`);
    const { lastSpan } = replicas;
    expect(lastSpan && { traceId: lastSpan.traceId, parentId: lastSpan.parentId }).toEqual(expected);
  }
});

test("100 calls on two replicas with an expired token that rotates refresh it once, and all get the new one", async () => {
  const { owner, set } = await granted(-1_000);
  const before = asked();
  const sessions = [replicas.first.of(owner), replicas.second.of(owner)] as const;
  const calls = Array.from({ length: 100 }, (_, i) => (sessions[i % 2] as TokenStore).get(refresh, never));
  const got = await Promise.all(calls);

  expect(asked() - before).toBe(1);
  expect(new Set(got.map(({ accessToken }) => accessToken)).size).toBe(1);
  const [{ accessToken, refreshToken, version }] = got as [KeptTokens];
  expect(version).toBe(2);
  expect(accessToken).not.toBe(set.accessToken);
  expect(refreshToken).not.toBe(set.refreshToken);
  expect(await replicas.server.accepts(accessToken)).toBe(true);
  expect(outcomes).toEqual(["refreshed"]);
  const health = { state: "ok", failures: 0, expireTime: expect.any(Date), refreshTime: expect.any(Date) };
  expect(await replicas.first.health("acme", owner.connectorId)).toEqual({ ...health, reason: undefined });
});

test("a token that soon expires is replaced while calls still use it", async () => {
  const { owner, set } = await granted(55_000);
  await aged(owner);
  const session = replicas.first.of(owner);
  const holding = held(refresh, "before");
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  // Found in the store; it is the second call that sees how little is left.
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  await holding.reached;
  expect((await session.get(holding.obtain, never)).accessToken).toBe(set.accessToken);
  expect(await replicas.second.health("acme", owner.connectorId)).toMatchObject({ state: "refreshing" });
  holding.resume();
  await vi.waitFor(async () => expect((await session.get(refresh, never)).version).toBe(2), { timeout: 60_000 });
});

test("a caller that leaves ends no refresh, and the others get what it gives", async () => {
  const { owner } = await granted(-1_000);
  const before = asked();
  const session = replicas.first.of(owner);
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
  await replicas.server.revoke(set.refreshToken ?? "");
  const before = asked();
  const sessions = [replicas.first.of(owner), replicas.second.of(owner)] as const;
  const calls = Array.from({ length: 20 }, (_, i) => (sessions[i % 2] as TokenStore).get(refresh, never));
  for (const { status, ...rest } of await Promise.allSettled(calls)) {
    expect({ status, ...rest }).toMatchObject({
      status: "rejected",
      reason: { kind: "credential_rejected", final: true },
    });
  }
  expect(asked() - before).toBe(1);
  expect(outcomes).toEqual(["rejected"]);
  const health = await replicas.second.health("acme", owner.connectorId);
  expect(health).toMatchObject({ state: "revoked", failures: 1, reason: "credential_rejected" });

  const another = { ...(await newGrant(replicas.server)), expireTime: undefined };
  await replicas.second.granted(owner, another, nothingMore);
  for (const session of sessions) expect((await session.get(refresh, never)).accessToken).toBe(another.accessToken);
  expect(await replicas.first.health("acme", owner.connectorId)).toMatchObject({ state: "ok", expireTime: undefined });
});

test("a replica that was overtaken before it asked is refused, and takes what the other one has got", async () => {
  const { owner } = await granted(-1_000);
  const holding = held(refresh, "before");
  const slow = replicas.first.of(owner).get(holding.obtain, never);
  await holding.reached;
  await overtakable(owner);
  const { accessToken } = await replicas.second.of(owner).get(refresh, never);
  holding.resume();
  expect((await slow).accessToken).toBe(accessToken);
  expect(outcomes).toEqual(["refreshed", "lost_race"]);
  expect(await replicas.first.health("acme", owner.connectorId)).toMatchObject({ state: "ok", failures: 0 });
});

test("of two that refreshed the same set the one that was answered first counts, and what the other one got does not", async () => {
  const owner = await newOwner();
  const own = clientCredentialsAt(endpointOf(replicas.server));
  const holding = held(own, "after");
  const slow = replicas.first.of(owner).get(holding.obtain, never);
  await holding.reached;
  await overtakable(owner);
  const overtaking = held(own, "after");
  const fast = replicas.second.of(owner).get(overtaking.obtain, never);
  await overtaking.reached;
  holding.resume();
  const { accessToken, version } = await slow;
  overtaking.resume();
  expect(await fast).toMatchObject({ accessToken, version });
  expect(outcomes).toEqual(["refreshed", "lost_race"]);
});

test("a server that can't answer fails the calls as it does, and the next ones ask again", async () => {
  const { owner } = await granted(-1_000);
  replicas.server.instead = (_, response) => {
    response.writeHead(503).end('{"error":"temporarily_unavailable"}');
    return true;
  };
  const session = replicas.first.of(owner);
  const calls = await Promise.allSettled([session.get(refresh, never), session.get(refresh, never)]);
  for (const call of calls) expect(call).toMatchObject({ reason: { kind: "upstream_unavailable" } });
  const health = await replicas.first.health("acme", owner.connectorId);
  expect(health).toMatchObject({ state: "failing", failures: 1, reason: "upstream_unavailable" });
  replicas.server.instead = undefined;
  expect((await replicas.second.of(owner).get(refresh, never)).version).toBe(2);
  expect(outcomes).toEqual(["failed", "refreshed"]);
});

test("a refresh that fails in the background fails no call", async () => {
  const { owner, set } = await granted(55_000);
  await aged(owner);
  const session = replicas.first.of(owner);
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
  const [session, other] = [replicas.first.of(owner), replicas.second.of(owner)];
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
