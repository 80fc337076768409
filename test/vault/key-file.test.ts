import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FileKeys, fileKeys, type KeyFileChange } from "../../src/vault/file-keys.ts";
import { withNewKey, withoutKey, withPrimary } from "../../src/vault/key-changes.ts";
import { changeKeyFile, readKeyFile } from "../../src/vault/key-file.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { openKeys } from "../../src/vault/open-keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { patience } from "../support/patience.ts";

const context = { organizationId: "o", connectorId: "c", field: "credential", secretVersion: 1, endpoint: {} };
const secret = Buffer.from("secret");
const never = 2 ** 31 - 1;

let directory: string;
let file: string;
let open: FileKeys[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "connector-keys-"));
  file = path.join(directory, "keys.json");
  open = [];
});

afterEach(async () => {
  for (const keys of open) keys.close();
  await rm(directory, { recursive: true });
});

async function follow(intervalMs: number, changes: KeyFileChange[] = []): Promise<FileKeys> {
  const keys = await fileKeys({ path: file, intervalMs, onChange: (change) => void changes.push(change) });
  open.push(keys);
  return keys;
}

const add = (id: string, state: "primary" | "pending" = "pending") =>
  changeKeyFile(file, (keys) => withNewKey(keys, id, state));
const promote = (id: string) => changeKeyFile(file, (keys) => withPrimary(keys, id));
const destroy = (id: string) => changeKeyFile(file, (keys) => withoutKey(keys, id));
const states = async () => (await readKeyFile(file)).keys.map(({ id, state }) => `${id} ${state}`);

test("a key is pending, primary, decrypt-only and destroyed, in a file that is its owner's alone", async () => {
  await add("a", "primary");
  await add("b");
  expect(await states()).toEqual(["a primary", "b pending"]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await promote("b");
  expect(await states()).toEqual(["a decrypt-only", "b primary"]);
  await destroy("a");
  expect(await states()).toEqual(["a destroyed", "b primary"]);
  expect(JSON.parse(await readFile(file, "utf8")).keys[0]).not.toHaveProperty("key");
  expect(await readdir(directory)).toEqual(["keys.json"]);
});

test("no step leads back or takes what is needed, and then nothing has changed", async () => {
  await add("a", "primary");
  await add("b");
  await destroy("b");
  const before = await readFile(file, "utf8");
  const again = [() => add("b"), () => add("a"), () => add("no id")];
  for (const step of [...again, () => promote("b"), () => promote("c"), () => destroy("a"), () => destroy("c")]) {
    await expect(step()).rejects.toMatchObject({ kind: "invalid_request" });
  }
  expect(await readFile(file, "utf8")).toBe(before);
});

test("of two who change the file at once the second is refused, and told what a change that was cut off has left", async () => {
  await add("a", "primary");
  await writeFile(`${file}.new`, "");
  await expect(add("b")).rejects.toMatchObject({ remedy: expect.stringContaining(`remove ${file}.new`) });
  await rm(`${file}.new`);
  await Promise.allSettled([add("b"), add("c")]);
  expect((await states()).length).toBeGreaterThan(1);
});

const key = "4b".repeat(31);
const entry = (rest: object = {}) => ({
  ...{ id: "a", key: `${key}02`, state: "primary", create_time: "2026-11-22T13:45:00Z" },
  ...rest,
});
const wrong: Record<string, unknown> = {
  "is not JSON": `{"keys": "${key}`,
  "file.format must be 1": { format: 2, keys: [] },
  "keys must be a list": { format: 1, keys: {} },
  "none of its own": { format: 1, keys: [entry({ [key]: 1 })] },
  "keys.0.id must be of": { format: 1, keys: [entry({ id: `${key}:02` })] },
  "keys.0.state must be one of pending, primary": { format: 1, keys: [entry({ state: key })] },
  "keys.0.create_time must be a time": { format: 1, keys: [entry({ create_time: key })] },
  "key 1 is not of 64 hex digits": { format: 1, keys: [entry({ key })] },
  "repeats one byte": { format: 1, keys: [entry({ key: "11".repeat(32) })] },
  "lacks key 1": { format: 1, keys: [entry({ key: undefined })] },
  "still holds key 1": { format: 1, keys: [entry({ state: "destroyed" })] },
  "of b twice": { format: 1, keys: [entry(), entry({ id: "b", state: "pending" })] },
  "of a twice": { format: 1, keys: [entry(), entry({ key: `${key}03`, state: "pending" })] },
  "more than one primary": { format: 1, keys: [entry(), entry({ id: "b", key: `${key}03` })] },
};

test.each(Object.entries(wrong))(
  "a wrong file is refused, and nothing of a key is shown: %s",
  async (what, content) => {
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
    const failure = await readKeyFile(file).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "configuration_rejected", message: expect.stringContaining(what) });
    expect(String(failure)).not.toContain("4b4b4b4b");
  },
);

test.each([0o640, 0o604, 0o660, 0o620])("a file of mode %o is refused with what to run", async (mode) => {
  await add("a", "primary");
  await chmod(file, mode);
  await expect(follow(never)).rejects.toMatchObject({ remedy: `Run: chmod 600 ${file}` });
});

test("a file that is not there is refused with how to make it", async () => {
  await expect(follow(never)).rejects.toMatchObject({
    message: expect.stringContaining("ENOENT"),
    remedy: expect.stringContaining("npm run keys -- add"),
  });
});

test("a running service wraps with the key that was promoted meanwhile", async () => {
  await add("a", "primary");
  const changes: KeyFileChange[] = [];
  const vault = createVault(await follow(5, changes));
  const old = await vault.seal(secret, context);
  await add("b");
  await promote("b");
  await vi.waitUntil(async () => (await vault.primaryKeyId()) === "b", patience);
  expect(vault.keyIdOf(await vault.seal(secret, context))).toBe("b");
  expect(await vault.open(old, context)).toEqual(secret);
  expect(changes.at(-1)).toEqual({ ids: ["a", "b"] });
});

test("what another replica has sealed under a new key opens at once", async () => {
  await add("a", "primary");
  const behind = createVault(await follow(never));
  await add("b");
  await promote("b");
  const sealed = await createVault(await follow(never)).seal(secret, context);
  expect(await behind.open(sealed, context)).toEqual(secret);
});

test("a file that went wrong is spoken of once, and the keys of before stay in use until it is right again", async () => {
  await add("a", "primary");
  const changes: KeyFileChange[] = [];
  const vault = createVault(await follow(5, changes));
  const sealed = await vault.seal(secret, context);
  const right = await readFile(file, "utf8");
  await writeFile(`${file}.draft`, "{", { mode: 0o600 });
  await rename(`${file}.draft`, file);
  await vi.waitUntil(() => changes.length > 0, patience);
  expect(changes).toMatchObject([{ refused: { message: expect.stringContaining("is not JSON") } }]);
  expect(await vault.open(sealed, context)).toEqual(secret);

  await writeFile(file, right);
  await vi.waitUntil(() => changes.some((change) => "ids" in change), patience);
  expect(changes.filter((change) => "refused" in change).length).toBeLessThanOrEqual(2);
  expect(await vault.open(sealed, context)).toEqual(secret);
});

test("a service goes from keys as text to a key file: the file's primary wraps, the text's only unwraps", async () => {
  const text = `old:${key}02`;
  const sealed = await createVault(localKeys(text)).seal(secret, context);
  await add("new");
  const sources = { transit: undefined, file: { path: file, onChange: () => {} }, text };
  const waiting = await openKeys(sources);
  expect(await createVault(waiting).primaryKeyId()).toBe("old");
  waiting.close();
  await promote("new");
  const keys = await openKeys(sources);
  const vault = createVault(keys);
  expect(await keys.list()).toMatchObject([
    { id: "new", state: "primary" },
    { id: "old", state: "decrypt-only" },
  ]);
  const rewrapped = await vault.rewrap(sealed, context);
  expect(vault.keyIdOf(rewrapped)).toBe("new");
  expect(await vault.open(rewrapped, context)).toEqual(secret);
  keys.close();
});

test("without a primary key nothing is sealed, and the operator is told what to do", async () => {
  await add("a");
  const vault = createVault(await follow(never));
  await expect(vault.seal(secret, context)).rejects.toMatchObject({ remedy: expect.stringContaining("promote ID") });
  await expect(openKeys({ transit: undefined, file: undefined, text: undefined })).rejects.toMatchObject({
    kind: "configuration_rejected",
  });
});
