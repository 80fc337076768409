/** Users' browsers come back to a real port: with what they are believed, and where they are sent on to. */
import { createSecretKey, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createAuthorizations } from "../../src/execution/authorization/authorizations.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { newConnector } from "../store/rows.ts";
import { authorizing, caller, never, providerAt, returnUri, vault } from "./authorizing.ts";

const users = authorizing();
const { comeBack, consented, failed, forget, granted, newRow, sentOn, started } = users;

test("a user who says no is sent on with that, and nothing is stored", async () => {
  const { row, url } = await started();
  const location = await sentOn(await consented(url, { denies: true }));
  expect(location.href).toBe(`${returnUri}&connector_id=${row.id}&error=access_denied`);
  expect(await users.tokens.health("acme", row.id)).toBeUndefined();
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
  const provider = providerAt(users.oauth);
  return {
    ...{ store: users.store, vault, tokens: users.tokens, publicUrl: "https://service.test" },
    ...{ granted, failed, forget },
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
  await users.store.withOrganization("other", async (em) => void em.create(Connector, theirs));
  const statement = change(another.id, theirs.id);
  await users.admin.query(`${statement} WHERE ${statement.startsWith(moved) ? "connector_id" : "id"} = $1`, [row.id]);

  expect((await comeBack(answer)).status).toBe(400);
  for (const { id } of [row, another]) expect(await users.tokens.health("acme", id)).toBeUndefined();
  expect(await users.tokens.health("other", theirs.id)).toBeUndefined();
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
  await users.admin.query(change, [row.id]);
  expect((await sentOn(answer)).searchParams.get("error")).toBe(error);
  expect(await users.tokens.health("acme", row.id)).toBeUndefined();
  expect((await comeBack(answer)).status).toBe(400);
});

test("what the authorization server answers is not what the browser is told", async () => {
  const { row, url } = await started();
  const answer = await consented(url);
  answer.set("code", "made-up");
  const location = await sentOn(answer);
  expect(location.href).toBe(`${returnUri}&connector_id=${row.id}&error=invalid_grant`);
});

test("a browser that goes somewhere else, or comes in another way, is not sent on", async () => {
  expect((await fetch(`${users.server.url}/oauth/callback/`, { redirect: "manual" })).status).toBe(404);
  const posted = await fetch(`${users.server.url}/oauth/callback`, { method: "POST", body: "state=x" });
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
});
