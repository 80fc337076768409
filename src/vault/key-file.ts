/**
 * The file that local keys are kept in.
 *
 *     { "format": 1, "keys": [
 *       { "id": "2026-11", "key": "64 hex digits", "state": "primary", "create_time": "2026-11-22T13:45:00.000Z" },
 *       { "id": "2025-11", "state": "destroyed", "create_time": "2025-11-20T08:00:00.000Z" } ] }
 *
 * A key that was destroyed has left its name, so that no other key gets it. Nobody but the
 * file's owner may read or write it.
 */
import { type BigIntStats, constants } from "node:fs";
import { open, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { Failure } from "../failure.ts";
import { keyStates } from "./key-provider.ts";
import type { LocalKey } from "./keys.ts";
import { isLocalKeyId, localKeyIdHint, parseKey } from "./keys.ts";

const schema = z.strictObject(
  {
    format: z.literal(1, "must be 1"),
    keys: z.array(
      z.strictObject({
        id: z.string("must be text").refine(isLocalKeyId, `must be of ${localKeyIdHint}`),
        key: z.string("must be text").optional(),
        state: z.enum(keyStates, `must be one of ${keyStates.join(", ")}`),
        create_time: z.iso.datetime("must be a time such as 2026-11-22T13:45:00Z"),
      }),
      "must be a list",
    ),
  },
  "must be an object",
);

/**
 * The keys in a file, and what `keyFileVersion` says as long as it is that file.
 * @throws Failure of kind `configuration_rejected` that says what to do, and holds no part of a key
 */
export async function readKeyFile(path: string): Promise<{ keys: LocalKey[]; version: string }> {
  const unreadable = (error: NodeJS.ErrnoException) => {
    return wrongFile(path, `can't be read (${error.code})`, "Make it with `npm run keys -- add`, or name another one.");
  };
  const file = await open(path, constants.O_RDONLY).catch((error) => Promise.reject(unreadable(error)));
  try {
    // Of the file that is read, and not of one that takes its place meanwhile.
    const stats = await file.stat({ bigint: true });
    refuseOpen(path, stats);
    const text = await file.readFile("utf8").catch((error) => Promise.reject(unreadable(error)));
    return { keys: parseKeys(path, text), version: versionOf(stats) };
  } finally {
    await file.close();
  }
}

/** Changes with the file, and when another one takes its place; or says why it can't be seen. Never fails. */
export async function keyFileVersion(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(versionOf, (error: NodeJS.ErrnoException) => String(error.code));
}

function versionOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join("/");
}

function refuseOpen(path: string, { mode }: BigIntStats): void {
  if ((mode & 0o077n) === 0n) return;
  const others = (mode & 0o777n).toString(8);
  throw wrongFile(path, `is open to others than its owner (mode ${others})`, `Run: chmod 600 ${path}`);
}

function parseKeys(path: string, text: string): LocalKey[] {
  const wrong = (what: string) => wrongFile(path, what, "Mend it, or put back the file of before.");
  const parsed = schema.safeParse(jsonOf(text, () => wrong("is not JSON")));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    // A key may stand where a name belongs.
    const what = issue?.code === "unrecognized_keys" ? "holds a field that is none of its own" : issue?.message;
    throw wrong(`is not as it should be: ${["the file", ...(issue?.path ?? [])].join(".")} ${what}`);
  }
  const keys = parsed.data.keys.map(({ id, key, state, create_time }, index): LocalKey => {
    const info = { id, state, createTime: new Date(create_time) };
    const destroyed = state === "destroyed";
    if (destroyed !== (key === undefined)) throw wrong(`${destroyed ? "still holds" : "lacks"} key ${index + 1}`);
    if (key === undefined) return { ...info, key };
    const parsedKey = parseKey(key);
    if (typeof parsedKey === "string") throw wrong(`is not as it should be: key ${index + 1} ${parsedKey}`);
    return { ...info, key: parsedKey };
  });
  const twice = keys.find(({ id, key }, index) => {
    return keys.slice(0, index).some((other) => other.id === id || (key !== undefined && other.key?.equals(key)));
  });
  if (twice !== undefined) throw wrong(`holds the key or the id of ${twice.id} twice`);
  if (keys.filter(({ state }) => state === "primary").length > 1) throw wrong("holds more than one primary key");
  return keys;
}

function jsonOf(text: string, wrong: () => Failure): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote the text.
    throw wrong();
  }
}

/**
 * Changes the keys in a file, which is made when there is none: whole or not at all. Of two
 * who change it at once, the second is refused.
 *
 * @throws Failure as `readKeyFile`, or what `change` throws, and then nothing has changed
 */
export async function changeKeyFile(
  path: string,
  change: (keys: readonly LocalKey[]) => readonly LocalKey[],
): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") throw inChange(path, draft);
    throw wrongFile(path, `can't be written (${error.code})`, `See that ${dirname(path)} is there and can be written.`);
  });
  try {
    await file.chmod(0o600);
    const changed = change(await keysNow(path));
    await file.writeFile(textOf(changed));
    await file.sync();
    await rename(draft, path);
  } catch (error) {
    await unlink(draft);
    throw error;
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}

async function keysNow(path: string): Promise<readonly LocalKey[]> {
  return (await keyFileVersion(path)) === "ENOENT" ? [] : (await readKeyFile(path)).keys;
}

function textOf(keys: readonly LocalKey[]): string {
  const entries = keys.map(({ id, key, state, createTime }) => ({
    ...{ id, key: key?.export().toString("hex"), state, create_time: (createTime ?? new Date()).toISOString() },
  }));
  return `${JSON.stringify({ format: 1, keys: entries }, undefined, 2)}\n`;
}

/** After a power cut the name leads to the new file, too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function wrongFile(path: string, what: string, remedy: string): Failure {
  return new Failure("configuration_rejected", `The key file ${path} ${what}.`, { where: "service", remedy });
}

function inChange(path: string, draft: string): Failure {
  return new Failure("configuration_rejected", `The key file ${path} is being changed by somebody else.`, {
    where: "service",
    remedy: `Try again. If nobody changes it, a change was cut off: remove ${draft}.`,
  });
}
