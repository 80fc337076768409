/** How quickly a chain is verified: read from PostgreSQL, hashed and compared, by one process. */
import type { KeyObject } from "node:crypto";
import { entryOf, insertEntries } from "../../../src/audit/entry.ts";
import { auditKeys } from "../../../src/audit/keys.ts";
import { verifyChain } from "../../../src/audit/verification.ts";
import type { Store } from "../../../src/store/store.ts";
import { actionEvent, organizationId } from "./actions.ts";

/** In larger batches than the log's own, which wait for nobody. */
export async function fill(store: Store, rows: number): Promise<void> {
  const atOnce = 5_000;
  for (let done = 0; done < rows; done += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, rows - done) }, (_, i) => actionEvent(i));
    const entries = some.map((event) => entryOf(event, { outcome: "succeeded" }));
    await store.withOrganization(organizationId, (em) => insertEntries(em, organizationId, entries));
  }
}

export interface Verified {
  readonly rowsPerSecond: number;
  /** Of this process, microseconds for each entry. */
  readonly cpuUs: number;
}

/** @param rows As many as there have to be */
export async function verify(store: Store, key: KeyObject, rows: number): Promise<Verified> {
  const keys = auditKeys(key);
  const begin = performance.now();
  const before = process.cpuUsage();
  const { verified, broken } = await verifyChain(organizationId, {
    ...{ store: store.audit, kept: [], onProgress: () => {} },
    publicKeys: new Map([[keys.id, keys.public]]),
  });
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - begin) / 1_000;
  if (broken !== undefined) throw new Error(broken.problem);
  if (verified !== rows) throw new Error(`Of ${rows} entries ${verified} are in the chain.`);
  return { rowsPerSecond: verified / seconds, cpuUs: (user + system) / verified };
}
