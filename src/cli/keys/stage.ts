/** The service's database and keys, for a command. */
import { entryOf, insertion } from "../../audit/entry.ts";
import { type EncryptionKeyChanged, service, serviceOrganization } from "../../audit/event.ts";
import type { Config } from "../../config.ts";
import { developmentKeys } from "../../development.ts";
import { createEgress } from "../../egress/egress.ts";
import { Failure } from "../../failure.ts";
import { startEmbedded } from "../../store/embedded.ts";
import { persistently } from "../../store/persistently.ts";
import type { SealedCredentials } from "../../store/sealed-credentials.ts";
import { openStore, type Store } from "../../store/store.ts";
import type { KeyProvider } from "../../vault/key-provider.ts";
import { configuredKeys } from "../../wiring/encryption-keys.ts";

export interface Stage {
  readonly keys: KeyProvider;
  readonly credentials: SealedCredentials;
  readonly told: Told;
}

/** Tells the audit log of what was done; a service that runs gives it its place in the chain. */
export type Told = (done: Pick<EncryptionKeyChanged, "event" | "details">) => Promise<void>;

/** The built-in database is started for it, and must not be in use by the service. */
export async function onStage<T>(config: Config, work: (stage: Stage) => Promise<T>): Promise<T> {
  const { database, migrates } = config;
  await using open = new AsyncDisposableStack();
  const embedded = "url" in database ? undefined : await startEmbedded({ directory: database.directory });
  if (embedded !== undefined) open.defer(() => embedded.stop());
  const url = "url" in database ? database.url.reveal() : embedded!.url;
  const store = await openStore({ url, migrates, poolSize: 2 });
  open.defer(() => store.close());
  const keys = await configuredKeys(config.encryptionKeys, {
    builtIn: embedded && (await developmentKeys(embedded.directory)).encryptionKeys,
    egress: createEgress(config.egress, config.ca),
    onFileChange(change) {
      if ("refused" in change) process.stderr.write(`${change.refused.message}\n${change.refused.remedy ?? ""}\n`);
    },
  });
  open.defer(() => keys.close());
  // Not before it has ended is anything closed.
  return await work({ keys, credentials: store.sealedCredentials, told: tellerOf(store) });
}

/** For what needs no keys. */
export async function withLog<T>(url: string, migrates: boolean, work: (told: Told) => Promise<T>): Promise<T> {
  const store = await openStore({ url, migrates, poolSize: 2 });
  try {
    return await work(tellerOf(store));
  } finally {
    await store.close();
  }
}

function tellerOf(store: Store): Told {
  return async (done) => {
    const entry = entryOf({ ...done, organizationId: serviceOrganization, actor: service }, { outcome: "succeeded" });
    await persistently(() => store.commit(serviceOrganization, insertion(serviceOrganization, [entry], true)));
  };
}

/** What was asked for can't be done as things stand. */
export function refused(message: string, remedy: string): Failure {
  return new Failure("invalid_request", message, { where: "request", remedy });
}
