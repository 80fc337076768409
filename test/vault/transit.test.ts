import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createFetch } from "../../src/egress/fetch.ts";
import { operatorPolicy } from "../../src/egress/policy.ts";
import { Failure } from "../../src/failure.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { openKeys } from "../../src/vault/open-keys.ts";
import { decodeSealed, encodeSealed } from "../../src/vault/sealed.ts";
import { type TransitKeys, type TransitOptions, transitKeys } from "../../src/vault/transit.ts";
import { createVault } from "../../src/vault/vault.ts";
import { type TransitServer, transitServer } from "../support/transit.ts";

const context = { organizationId: "o", connectorId: "c", field: "credential", secretVersion: 1, endpoint: { port: 1 } };
const secret = Buffer.from("secret");
const fetch = createFetch(createDial(operatorPolicy));

let server: TransitServer;
let directory: string;
let options: TransitOptions;
let open: TransitKeys[];

beforeEach(async () => {
  server = await transitServer("team/transit", "connectors");
  directory = await mkdtemp(path.join(os.tmpdir(), "connector-transit-"));
  const tokenFile = path.join(directory, "token");
  await writeFile(tokenFile, `${server.token}\n`);
  options = { address: server.address, mount: "team/transit", key: "connectors", tokenFile, namespace: "acme", fetch };
  open = [];
});

afterEach(async () => {
  for (const keys of open) keys.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

/** @param rest By default nothing is kept between two calls */
function keysWith(rest: Partial<TransitOptions> = {}): TransitKeys {
  const keys = transitKeys({ ...options, keptMs: 1, pausesMs: [1, 1, 1, 1], ...rest });
  open.push(keys);
  return keys;
}

const failing = (status: number) => (response: ServerResponse) => void response.writeHead(status).end("{}");
const cut = (response: ServerResponse) => void response.destroy();

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const failure = await work.then(
    () => expect.unreachable("it succeeded"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  const { message, remedy } = failure as Failure;
  expect(`${message} ${remedy}`).not.toContain(server.token);
  expect(`${message} ${remedy}`).not.toContain(server.address);
  return failure as Failure;
}

test("a secret is sealed under the engine's latest version, and opens after the key was rotated", async () => {
  const vault = createVault(keysWith());
  const sealed = await vault.seal(secret, context);
  expect(vault.keyIdOf(sealed)).toBe("transit/team/transit/connectors/v1");
  server.rotate();
  expect(await vault.open(sealed, context)).toEqual(secret);
  expect(await vault.primaryKeyId()).toBe("transit/team/transit/connectors/v2");
  const rewrapped = await vault.rewrap(sealed, context);
  expect(vault.keyIdOf(rewrapped)).toBe("transit/team/transit/connectors/v2");
  expect(await vault.open(rewrapped, context)).toEqual(secret);
  expect(server.requests.every(({ namespace }) => namespace === "acme")).toBe(true);
});

test("versions are primary, decrypt-only and destroyed as the engine keeps them", async () => {
  const keys = keysWith();
  const sealed = await createVault(keys).seal(secret, context);
  server.rotate();
  server.rotate();
  server.minDecryptionVersion = 2;
  expect((await keys.list()).map(({ state }) => state)).toEqual(["destroyed", "decrypt-only", "primary"]);
  const made = (await keys.list()).map(({ createTime }) => createTime);
  expect(made).toEqual([undefined, new Date(1_700_000_001_000), new Date(1_700_000_002_000)]);
  await expect(createVault(keysWith()).open(sealed, context)).rejects.toMatchObject({ where: "credential" });
});

test("nothing opens elsewhere, in another version, under another key or with another bit", async () => {
  const vault = createVault(keysWith());
  const sealed = await vault.seal(secret, context);
  server.rotate();
  await expect(vault.open(sealed, { ...context, secretVersion: 2 })).rejects.toMatchObject({ where: "credential" });
  const parts = decodeSealed(sealed);
  const forged = [
    { ...parts, keyId: "transit/team/transit/connectors/v2" },
    { ...parts, keyId: "transit/team/transit/connectors/v01" },
    { ...parts, keyId: "transit/team/transit/other/v1" },
    ...[0, 11, 12, 43, 44, 59].map((index) => ({
      ...parts,
      wrapped: parts.wrapped.with(index, parts.wrapped[index]! ^ 1),
    })),
  ];
  for (const each of forged) {
    await expect(vault.open(encodeSealed(each), context)).rejects.toMatchObject({ where: "credential" });
  }
});

test("a blink is waited out: a cut connection, a standby, a server without a leader", async () => {
  const vault = createVault(keysWith());
  const sealed = await vault.seal(secret, context);
  server.instead.push(cut, failing(473), failing(500));
  expect(await vault.open(sealed, context)).toEqual(secret);
});

test("a version that a standby has not heard of yet is waited for", async () => {
  const vault = createVault(keysWith());
  const sealed = await vault.seal(secret, context);
  const behind = (response: ServerResponse) => {
    response.writeHead(400).end('{"errors":["invalid ciphertext: version is too new"]}');
  };
  server.instead.push(behind, behind);
  expect(await vault.open(sealed, context)).toEqual(secret);
});

test("what was opened a moment ago opens while the engine is away, and no longer when it is forgotten", async () => {
  const keys = keysWith({ keptMs: 60_000 });
  const vault = createVault(keys);
  const sealed = await vault.seal(secret, context);
  await vault.open(sealed, context);
  server.token = "hvs.another";
  expect(await vault.open(sealed, context)).toEqual(secret);
  await expect(vault.open(sealed, { ...context, secretVersion: 2 })).rejects.toThrow();
  keys.close();
  await expect(vault.open(sealed, context)).rejects.toMatchObject({ kind: "internal" });
});

test("the token is read anew for every request", async () => {
  const vault = createVault(keysWith());
  const sealed = await vault.seal(secret, context);
  server.token = "hvs.renewed";
  expect(await failureOf(vault.open(sealed, context))).toMatchObject({
    kind: "internal",
    remedy: expect.stringContaining("VAULT_TOKEN_FILE"),
  });
  await writeFile(options.tokenFile, server.token);
  expect(await vault.open(sealed, context)).toEqual(secret);
});

test("a token file that is not there or empty is named", async () => {
  await writeFile(options.tokenFile, "\n");
  expect(await failureOf(keysWith().list())).toMatchObject({ message: expect.stringContaining("holds no token") });
  await rm(options.tokenFile);
  expect(await failureOf(keysWith().list())).toMatchObject({ message: expect.stringContaining("ENOENT") });
});

test("a sealed engine, and one that is away, are unavailable for now, each with what to do", async () => {
  server.sealed = true;
  expect(await failureOf(keysWith().list())).toMatchObject({
    kind: "service_unavailable",
    remedy: expect.stringContaining("vault operator unseal"),
  });
  const gone = keysWith({ fetch: () => Promise.reject(new Failure("upstream_unreachable", "away")) });
  expect(await failureOf(gone.list())).toMatchObject({
    kind: "service_unavailable",
    remedy: expect.stringContaining("VAULT_ADDR"),
  });
});

test("an unknown key, an unknown mount and a key of another type are told apart from a wrong credential", async () => {
  for (const wrong of [{ key: "missing" }, { mount: "missing" }]) {
    const keys = keysWith(wrong);
    expect(await failureOf(keys.list())).toMatchObject({
      kind: "internal",
      remedy: expect.stringContaining("VAULT_TRANSIT"),
    });
    expect(await failureOf(createVault(keys).seal(secret, context))).toMatchObject({
      kind: "internal",
      where: "service",
    });
  }
  server.type = "rsa-2048";
  for (const work of [keysWith().list(), createVault(keysWith()).seal(secret, context)]) {
    expect(await failureOf(work)).toMatchObject({ remedy: expect.stringContaining("type=aes256-gcm96") });
  }
});

test("a service goes from local keys to the engine: what they sealed opens, and is wrapped anew", async () => {
  const text = `local:${"4b".repeat(31)}02`;
  const sealed = await createVault(localKeys(text)).seal(secret, context);
  const keys = await openKeys({ transit: options, file: undefined, text });
  const vault = createVault(keys);
  expect(await vault.open(sealed, context)).toEqual(secret);
  expect(vault.keyIdOf(await vault.rewrap(sealed, context))).toBe("transit/team/transit/connectors/v1");
  expect((await keys.list()).map(({ id, state }) => `${id} ${state}`)).toEqual([
    "transit/team/transit/connectors/v1 primary",
    "local decrypt-only",
  ]);
  keys.close();
});
