/** The service's audit log and its keys, for a command. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Checkpoint, parseCheckpoints } from "../../audit/checkpoint.ts";
import { type AuditKeys, auditKeys, keyIdOf } from "../../audit/keys.ts";
import { parseSigningKey } from "../../auth/signing-key.ts";
import type { Config } from "../../config.ts";
import { developmentKeys } from "../../development.ts";
import { Failure } from "../../failure.ts";
import type { AuditStore } from "../../store/audit.ts";
import { startEmbedded } from "../../store/embedded.ts";
import { openStore } from "../../store/store.ts";
import { auditKey } from "../../wiring/audit-key.ts";

export interface Stage {
  readonly store: AuditStore;
  readonly keys: AuditKeys;
}

/** The built-in database is started for it, and must not be in use by the service. */
export async function onStage<T>(config: Config, work: (stage: Stage) => Promise<T>): Promise<T> {
  const { database, migrates } = config;
  await using open = new AsyncDisposableStack();
  const embedded = "url" in database ? undefined : await startEmbedded({ directory: database.directory });
  if (embedded !== undefined) open.defer(() => embedded.stop());
  const signingKey =
    config.signingKey?.reveal() ?? (embedded && (await developmentKeys(embedded.directory)).signingKey);
  const url = "url" in database ? database.url.reveal() : embedded!.url;
  const store = await openStore({ url, migrates, poolSize: 2 });
  open.defer(() => store.close());
  const keys = auditKeys(auditKey(config, parseSigningKey(signingKey ?? "")));
  // Not before it has ended is anything closed.
  return await work({ store: store.audit, keys });
}

/** @throws Failure that names the file and its line */
export async function readCheckpointFile(path: string): Promise<readonly Checkpoint[]> {
  const checkpoints = parseCheckpoints(await textOf(path));
  if (typeof checkpoints !== "number") return checkpoints;
  throw refused(`Line ${checkpoints} of ${path} is no checkpoint.`, "Give a file as the service or --export wrote it.");
}

/** @throws Failure that names the file */
export async function readPublicKey(path: string): Promise<readonly [id: string, key: KeyObject]> {
  const pem = await textOf(path);
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === "ed25519") return [keyIdOf(key), key];
  } catch {
    // Said below, as of a key of another kind.
  }
  throw refused(`${path} is no Ed25519 key in PEM.`, "Give a file of what --print-public-key printed.");
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw refused(`${path} can't be read (${(cause as NodeJS.ErrnoException).code}).`, "Give a file that can be.");
  }
}

/** What was asked for can't be done as things stand. */
export function refused(message: string, remedy: string): Failure {
  return new Failure("invalid_request", message, { where: "request", remedy });
}
