/** What is kept of tokens: sealed, for one owner with one credential, and no longer than these are there. */
import { expect, test } from "vitest";
import type { TokenOwner } from "../../src/execution/tokens/rows.ts";
import { createTokens } from "../../src/execution/tokens/tokens.ts";
import { Failure } from "../../src/failure.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import type { Store } from "../../src/store/store.ts";
import { newGrant } from "../support/oauth-tokens.ts";
import { held, never, nothingMore, owningTokens, vault } from "./owning-tokens.ts";

const replicas = owningTokens();
const { asked, granted, observe, refresh } = replicas;

test("a token that is good is given from memory, and to a new session from the store", async () => {
  const { owner, set } = await granted(3_600_000);
  const before = asked();
  const session = replicas.second.of(owner);
  expect(await session.get(refresh, never)).toMatchObject({ ...set, expireTime: expect.any(Date), version: 1 });
  await replicas.admin.query("DELETE FROM connector_token WHERE connector_id = $1", [owner.connectorId]);
  expect((await session.get(refresh, never)).accessToken).toBe(set.accessToken);
  expect(asked()).toBe(before);
});

test("what was got is stored when the store is there again", async () => {
  const { owner } = await granted(-1_000);
  let away = 0;
  const leaky: Pick<Store, "withOrganization"> = {
    withOrganization(organizationId, work) {
      if (away > 0) return Promise.reject(new Failure("service_unavailable", `Away ${away--} times more.`));
      return replicas.store.withOrganization(organizationId, work);
    },
  };
  const tokens = createTokens({ store: leaky, vault, observe });
  const got = tokens.of(owner).get(async (before, signal) => {
    const set = await refresh(before, signal);
    away = 2;
    return set;
  }, never);
  const { accessToken } = await got;
  expect((await replicas.second.of(owner).get(refresh, never)).accessToken).toBe(accessToken);
});

test("who stops waits for what a refresh is about to get, and stores it", async () => {
  const { owner } = await granted(-1_000);
  const stopping = createTokens({ store: replicas.store, vault, observe });
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
  expect((await replicas.second.of(owner).get(refresh, never)).version).toBe(2);
  expect(asked()).toBe(before);
});

test("another credential begins anew, and what was got with the one before is of no use", async () => {
  const { owner } = await granted(3_600_000);
  const later: TokenOwner = { ...owner, credentialVersion: 2 };
  await expect(replicas.first.of(later).get(refresh, never)).rejects.toThrow("Nobody has granted anything yet.");
  await expect(replicas.second.of(owner).get(refresh, never)).rejects.toMatchObject({
    kind: "credential_rejected",
    final: true,
  });
  await expect(replicas.first.granted(owner, await newGrant(replicas.server), nothingMore)).rejects.toMatchObject({
    kind: "credential_rejected",
  });
  await replicas.second.granted(later, await newGrant(replicas.server), nothingMore);
  expect((await replicas.first.of(later).get(refresh, never)).version).toBe(1);
});

test("the tokens of a connector that is deleted go with it", async () => {
  const { owner } = await granted(-1_000);
  await replicas.store.withOrganization("acme", (em) => em.nativeDelete(Connector, { id: owner.connectorId }));
  const { rowCount } = await replicas.admin.query("SELECT FROM connector_token WHERE connector_id = $1", [
    owner.connectorId,
  ]);
  expect(rowCount).toBe(0);
  await expect(replicas.first.of(owner).get(refresh, never)).rejects.toMatchObject({ kind: "not_found" });
  await expect(replicas.first.granted(owner, await newGrant(replicas.server), nothingMore)).rejects.toMatchObject({
    kind: "not_found",
  });
});

test("a sealed set opens nowhere but in its place", async () => {
  const [mine, theirs] = [await granted(3_600_000), await granted(3_600_000)];
  await replicas.admin.query(
    `UPDATE connector_token SET sealed_tokens = (SELECT sealed_tokens FROM connector_token WHERE connector_id = $2)
     WHERE connector_id = $1`,
    [mine.owner.connectorId, theirs.owner.connectorId],
  );
  await expect(replicas.first.of(mine.owner).get(refresh, never)).rejects.toMatchObject({ kind: "internal" });
  const elsewhere = { ...theirs.owner, endpoint: { base_url: "https://rogue.example" } };
  await expect(replicas.first.of(elsewhere).get(refresh, never)).rejects.toMatchObject({ kind: "internal" });
  expect(await replicas.first.of(theirs.owner).get(refresh, never)).toMatchObject({ version: 1 });
});

test("what is stored shows no token", async () => {
  const { owner, set } = await granted(3_600_000);
  const { rows } = await replicas.admin.query(
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
