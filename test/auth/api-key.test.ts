import { createHmac } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mintApiKey, type StoredApiKey } from "../../src/auth/api-key.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { deriveKey, parseSigningKey } from "../../src/auth/signing-key.ts";
import { Failure } from "../../src/failure.ts";

const signingKey = parseSigningKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

/** A table of keys, and how often it was asked. */
function keyTable() {
  const rows = new Map<string, StoredApiKey>();
  const uses: (readonly string[])[] = [];
  const table = {
    lookUps: 0,
    uses,
    ...createAuthenticator({
      signingKey,
      onApiKeyUse: (...use) => void uses.push(use),
      findApiKey: async (id) => {
        table.lookUps++;
        return rows.get(id);
      },
    }),
    add(part: Partial<StoredApiKey> = {}): string {
      const { id, token, secretHash } = mintApiKey(signingKey);
      const scopes = ["connector.query", "connector.unheard_of"];
      const bare = { connectorIds: [], resources: [], agent: "" };
      rows.set(id, { id, organizationId: "acme", principal: "bob", secretHash, scopes, ...bare, ...part });
      return token;
    },
    change(token: string, part: Partial<StoredApiKey>): void {
      const id = token.split(".")[1] as string;
      rows.set(id, { ...(rows.get(id) as StoredApiKey), ...part });
    },
  };
  return table;
}

/** Look-ups that end when the test lets them, and a key to be found by them. */
function slowTable() {
  const lookUps: PromiseWithResolvers<StoredApiKey | undefined>[] = [];
  const authenticator = createAuthenticator({
    signingKey,
    findApiKey: () => {
      const lookUp = Promise.withResolvers<StoredApiKey | undefined>();
      lookUps.push(lookUp);
      return lookUp.promise;
    },
  });
  const { id, token, secretHash } = mintApiKey(signingKey);
  const key: StoredApiKey = {
    ...{ id, organizationId: "acme", principal: "bob", secretHash },
    ...{ scopes: ["connector.query"], connectorIds: [], resources: [], agent: "", expireTime: null, revokeTime: null },
  };
  return { ...authenticator, lookUps, found: { key, authorization: `Bearer ${token}` } };
}

async function refusal(call: Promise<unknown>): Promise<Failure> {
  const failure = await call.then(
    () => expect.unreachable("it was let in"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ kind: "unauthenticated", where: "caller", remedy: expect.stringMatching(/\.$/) });
  return failure as Failure;
}

const minute = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-11-20T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an API key", () => {
  test("names organization and principal, with the scopes that are known and the connectors it reaches", async () => {
    const table = keyTable();
    const everything = table.add();
    const limits = { connectorIds: ["c0ffee00-0000-4000-8000-00000000000A"], resources: ["public.city"] };
    const limited = table.add(limits);
    expect(await table.authenticate(`Bearer ${everything}`)).toEqual({
      organizationId: "acme",
      id: "bob",
      authentication: "api_key",
      apiKeyId: everything.split(".")[1],
      scopes: new Set(["connector.query"]),
      connectorIds: undefined,
    });
    expect(await table.authenticate(`bearer  ${limited}`)).toMatchObject({
      connectorIds: new Set(["c0ffee00-0000-4000-8000-00000000000a"]),
      resources: ["public.city"],
    });
  });

  test("is csk, a UUID and 32 random bytes, of which only a keyed hash is kept", () => {
    const { id, token, secretHash } = mintApiKey(signingKey);
    expect(token).toMatch(/^csk\.[0-9a-f-]{36}\.[A-Za-z0-9_-]{43}$/);
    expect(token.split(".")[1]).toBe(id);
    const key = deriveKey(signingKey, "connector/1 api key hash");
    expect(secretHash).toEqual(createHmac("sha256", key).update(token).digest());
    expect(mintApiKey(signingKey).token).not.toBe(token);
  });

  test("of another signing key is refused", async () => {
    const table = keyTable();
    const elsewhere = mintApiKey(parseSigningKey("ff".repeat(31).concat("00")));
    const token = table.add({ secretHash: elsewhere.secretHash });
    await refusal(table.authenticate(`Bearer ${token}`));
  });

  test("with an unknown id and one with a wrong secret get the same answer", async () => {
    const table = keyTable();
    const token = table.add();
    const wrong = await refusal(table.authenticate(`Bearer ${token.slice(0, -4)}AAAA`));
    const unknown = await refusal(table.authenticate(`Bearer ${mintApiKey(signingKey).token}`));
    expect([unknown.message, unknown.remedy]).toEqual([wrong.message, wrong.remedy]);
    expect(unknown.message).toBe("The API key is not one of this service's.");
  });

  test("with the same secret bytes in another spelling is refused", async () => {
    const table = keyTable();
    const token = table.add();
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(token.at(-1) as string);
    const respelled = token.slice(0, -1) + alphabet[last ^ 1];
    await refusal(table.authenticate(`Bearer ${respelled}`));
  });

  test("that has expired or was revoked is refused, and says so to its holder only", async () => {
    const table = keyTable();
    const expired = table.add({ expireTime: new Date(Date.now()) });
    const revoked = table.add({ revokeTime: new Date(Date.now() - minute) });
    expect((await refusal(table.authenticate(`Bearer ${expired}`))).message).toBe("The API key has expired.");
    expect((await refusal(table.authenticate(`Bearer ${revoked}`))).message).toBe("The API key has been revoked.");
    expect((await refusal(table.authenticate(`Bearer ${revoked.slice(0, -4)}AAAA`))).message).not.toContain("revoked");
  });

  test("of a malformed organization is refused", async () => {
    const table = keyTable();
    for (const organizationId of ["", "a b", "x".repeat(65), "a'--", "é"]) {
      const failure = await refusal(table.authenticate(`Bearer ${table.add({ organizationId })}`));
      expect(failure.message).toContain("organization");
    }
  });

  test("whose stored hash has another length is refused", async () => {
    const table = keyTable();
    await refusal(table.authenticate(`Bearer ${table.add({ secretHash: new Uint8Array(8) })}`));
  });
});

describe("remembering API keys", () => {
  test.each([
    ["a minute while changes are told", true, 60_000],
    ["a second while they are not", false, 1_000],
  ])("spares the look-up for %s", async (_, told, ms) => {
    const table = keyTable();
    table.available(told);
    const header = `Bearer ${table.add()}`;
    await table.authenticate(header);
    vi.advanceTimersByTime(ms - 1);
    await table.authenticate(header);
    expect(table.lookUps).toBe(1);
    vi.advanceTimersByTime(1);
    await table.authenticate(header);
    expect(table.lookUps).toBe(2);
  });

  test("ends at once when the key is told to have changed, and for that key only", async () => {
    const table = keyTable();
    table.available(true);
    const [revoked, other] = [table.add(), table.add()];
    for (const token of [revoked, other]) await table.authenticate(`Bearer ${token}`);
    table.change(revoked, { revokeTime: new Date() });
    table.changed(revoked.split(".")[1] as string);
    expect((await refusal(table.authenticate(`Bearer ${revoked}`))).message).toContain("revoked");
    await table.authenticate(`Bearer ${other}`);
    expect(table.lookUps).toBe(3);
  });

  test.each([true, false])("ends for all keys when changes begin or cease to be told (%s)", async (told) => {
    const table = keyTable();
    table.available(!told);
    const token = table.add();
    await table.authenticate(`Bearer ${token}`);
    table.change(token, { revokeTime: new Date() });
    table.available(told);
    expect((await refusal(table.authenticate(`Bearer ${token}`))).message).toContain("revoked");
  });

  test("does not begin with what was looked up before the key changed", async () => {
    const { available, changed, authenticate, lookUps, found } = slowTable();
    available(true);
    const early = authenticate(found.authorization);
    changed(found.key.id);
    const late = authenticate(found.authorization);
    expect(lookUps).toHaveLength(2);
    lookUps[0]?.resolve(found.key);
    expect((await early).id).toBe("bob");
    lookUps[1]?.resolve({ ...found.key, revokeTime: new Date() });
    await refusal(late);
    const later = authenticate(found.authorization);
    lookUps[2]?.resolve({ ...found.key, revokeTime: new Date() });
    await refusal(later);
  });

  test("tells of every use, remembered or not, and of no refusal", async () => {
    const table = keyTable();
    const token = table.add();
    for (let i = 0; i < 3; i++) await table.authenticate(`Bearer ${token}`);
    await refusal(table.authenticate(`Bearer ${token.slice(0, -4)}AAAA`));
    const id = token.split(".")[1];
    expect(table.uses).toEqual([
      ["acme", id],
      ["acme", id],
      ["acme", id],
    ]);
  });

  test("is looked up once for all who show it at the same time, however long that takes", async () => {
    const { authenticate, lookUps, found } = slowTable();
    const calls = Array.from({ length: 100 }, () => authenticate(found.authorization));
    expect(lookUps).toHaveLength(1);
    lookUps[0]?.resolve(found.key);
    expect(new Set((await Promise.all(calls)).map(({ id }) => id))).toEqual(new Set(["bob"]));
  });

  test("is looked up again for who shows it a second into a look-up", async () => {
    const { authenticate, lookUps, found } = slowTable();
    const early = authenticate(found.authorization);
    vi.advanceTimersByTime(1_001);
    const late = authenticate(found.authorization);
    expect(lookUps).toHaveLength(2);
    for (const lookUp of lookUps) lookUp.resolve(found.key);
    await Promise.all([early, late]);
  });

  test("that was stored after another's look-up began works all the same", async () => {
    const { authenticate, lookUps, found } = slowTable();
    const early = authenticate(found.authorization);
    const late = authenticate(found.authorization);
    lookUps[0]?.resolve(undefined);
    await refusal(early);
    await vi.waitFor(() => expect(lookUps).toHaveLength(2));
    lookUps[1]?.resolve(found.key);
    expect((await late).id).toBe("bob");
  });

  test("ends a second after an untold revocation, and when a key expires", async () => {
    const table = keyTable();
    const revoked = table.add();
    const expiring = table.add({ expireTime: new Date(Date.now() + 500) });
    await table.authenticate(`Bearer ${revoked}`);
    await table.authenticate(`Bearer ${expiring}`);
    table.change(revoked, { revokeTime: new Date() });
    vi.advanceTimersByTime(500);
    expect((await refusal(table.authenticate(`Bearer ${expiring}`))).message).toContain("expired");
    vi.advanceTimersByTime(500);
    expect((await refusal(table.authenticate(`Bearer ${revoked}`))).message).toContain("revoked");
  });

  test("does not extend to failures: a key works as soon as it is stored", async () => {
    const table = keyTable();
    const token = table.add({ revokeTime: new Date() });
    await refusal(table.authenticate(`Bearer ${token}`));
    table.change(token, { revokeTime: null });
    expect(await table.authenticate(`Bearer ${token}`)).toMatchObject({ id: "bob" });
  });

  test("tells tokens apart by all of their bytes", async () => {
    const table = keyTable();
    const token = table.add();
    await table.authenticate(`Bearer ${token}`);
    await refusal(table.authenticate(`Bearer ${token.slice(0, -4)}AAAA`));
  });
});

describe("an Authorization header", () => {
  const wrong: Record<string, [string | null, string]> = {
    "that is missing": [null, "has no Authorization header"],
    "that is empty": [" ", "has no Authorization header"],
    "of another scheme": ["Basic aHVudGVyMg==", "scheme is not Bearer"],
    "without a token": ["Bearer", "malformed"],
    "with two tokens": ["Bearer hunter2 hunter2", "malformed"],
    "with characters that no token has": ["Bearer hunter2\0", "malformed"],
    "that is huge": [`Bearer ${"hunter2".repeat(2_000)}`, "malformed"],
    "with half an API key": ["Bearer csk.hunter2", "API key is malformed"],
    "with something else": ["Bearer hunter2", "not an API key"],
  };
  test.each(Object.entries(wrong))("%s is refused, with what to send instead", async (_, [header, message]) => {
    const failure = await refusal(keyTable().authenticate(header));
    expect(failure.message).toContain(message);
    expect(`${failure.message}${failure.remedy}${failure.stack}`).not.toMatch(/hunter2|aHVudGVyMg/);
  });

  test("of any text ends in an unauthenticated failure", async () => {
    const { authenticate } = keyTable();
    const pieces = fc.constantFrom("Bearer ", "csk.", ".", mintApiKey(signingKey).token, "=", "eyJhbGciOiJub25lIn0");
    const header = fc.array(fc.oneof(fc.string(), pieces), { maxLength: 6 }).map((texts) => texts.join(""));
    await fc.assert(
      fc.asyncProperty(header, async (text) => {
        await refusal(authenticate(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

test("a failing look-up is not taken for a wrong key", async () => {
  const lost = new Error("the database is away");
  const { authenticate } = createAuthenticator({ signingKey, findApiKey: () => Promise.reject(lost) });
  await expect(authenticate(`Bearer ${mintApiKey(signingKey).token}`)).rejects.toBe(lost);
});
