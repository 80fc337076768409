/** Users grant connectors access at a real OAuth server: what may begin, and what is stored of it and when. */
import { expect, test } from "vitest";
import { ApiKey } from "../../src/store/entities/apiKey.ts";
import { newApiKey } from "../store/rows.ts";
import { endpointOf, refreshingAt } from "../support/oauth-tokens.ts";
import { authorizing, caller, never, providerAt, returnUri } from "./authorizing.ts";

const users = authorizing();
const { comeBack, consented, failed, forget, granted, newRow, roomOf, sentOn, sessionOf, started } = users;

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
  const kept = await sessionOf(row).get(refreshingAt(endpointOf(users.oauth)), never);
  expect(await users.oauth.accepts(kept.accessToken)).toBe(true);
  expect(kept.refreshToken).toBeDefined();
  const { rows } = await users.admin.query(
    "SELECT version, credential_update_time AS time FROM connector WHERE id = $1",
    [row.id],
  );
  expect(rows).toEqual([{ version: row.version + 1, time: expect.any(Date) }]);
  const ended = { organizationId: "acme", connectorId: row.id, principal: "alice", authentication: "api_key" };
  expect(granted.mock.calls).toEqual([[expect.anything(), { ...ended, provider: "rest" }]]);
  expect(forget.mock.calls).toEqual([["acme", row.id]]);
  expect(failed).not.toHaveBeenCalled();
});

test("what another user grants takes the place of what was granted before", async () => {
  const { row, url } = await started();
  await sentOn(await consented(url));
  const before = await sessionOf(row).get(refreshingAt(endpointOf(users.oauth)), never);
  const again = await started(row);
  await sentOn(await consented(again.url, { user: "bob" }));
  const after = await sessionOf(row).get(refreshingAt(endpointOf(users.oauth)), never);
  expect(after.version).toBe(before.version + 1);
  expect(after.accessToken).not.toBe(before.accessToken);
});

test("another credential that comes while the code is exchanged gets nothing of what was granted with the one before", async () => {
  const { row, url } = await started();
  const answer = await consented(url);
  users.oauth.after = async () => {
    users.oauth.after = async () => {};
    await users.admin.query("UPDATE connector SET credential_version = 2 WHERE id = $1", [row.id]);
  };
  expect((await sentOn(answer)).searchParams.get("error")).toBe("conflict");
  expect(await users.tokens.health("acme", row.id)).toBeUndefined();
  expect(granted).not.toHaveBeenCalled();
});

test("an API key that was revoked meanwhile ends what was begun with it", async () => {
  const apiKey = newApiKey("acme");
  await users.store.withOrganization("acme", async (em) => void em.create(ApiKey, apiKey));
  const [good, late] = [await started(undefined, apiKey.id), await started(undefined, apiKey.id)];
  expect((await sentOn(await consented(good.url))).searchParams.has("error")).toBe(false);
  const answer = await consented(late.url);
  await users.admin.query("UPDATE api_key SET revoke_time = now() WHERE id = $1", [apiKey.id]);
  expect((await sentOn(answer)).searchParams.get("error")).toBe("unauthenticated");
  expect(await users.tokens.health("acme", late.row.id)).toBeUndefined();
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
  const starting = users.authorizations.start(row, { ...caller, returnUri: uri, signal: never, noted: async () => {} });
  await expect(starting).rejects.toMatchObject({
    kind: "invalid_request",
    fields: [{ field: "return_uri", description: expect.stringMatching(problem) }],
  });
});

test("nothing is begun where no browser could come back, for what is granted in no browser, or for what is disabled", async () => {
  const row = await newRow();
  const asked = { ...caller, returnUri, signal: never, noted: async () => {} };
  await expect(roomOf(undefined).start(row, asked)).rejects.toMatchObject({ kind: "configuration_rejected" });
  const { authorization: _, ...without } = providerAt(users.oauth);
  await expect(roomOf("https://service.test", without).start(row, asked)).rejects.toMatchObject({
    kind: "unsupported",
  });
  await expect(users.authorizations.start({ ...row, disabled: true }, asked)).rejects.toMatchObject({
    kind: "connector_disabled",
  });
});

test("no more than 100 are under way for one connector, and those that have expired are not", async () => {
  const row = await newRow();
  const asked = { ...caller, returnUri, signal: never, noted: async () => {} };
  await users.admin.query(
    `INSERT INTO connector_authorization
     SELECT 'acme', sha256(n::text::bytea), $1, 1, 'alice', 'https://app.test/', now(), now() + interval '10 min'
     FROM generate_series(1, 99) AS n`,
    [row.id],
  );
  await users.authorizations.start(row, asked);
  await expect(users.authorizations.start(row, asked)).rejects.toMatchObject({ kind: "rate_limited" });
  await users.admin.query(
    "UPDATE connector_authorization SET expire_time = now() - interval '1 s' WHERE connector_id = $1",
    [row.id],
  );
  await users.authorizations.start(row, asked);
});

test("what is stored of an authorization can't complete it", async () => {
  const { row, url } = await started();
  const { rows } = await users.admin.query("SELECT * FROM connector_authorization WHERE connector_id = $1", [row.id]);
  const shown = JSON.stringify(rows) + rows[0].state_hash.toString("base64url");
  expect(rows).toHaveLength(1);
  expect(shown).not.toContain(url.searchParams.get("state"));
  expect(shown).not.toContain(url.searchParams.get("code_challenge"));
});
