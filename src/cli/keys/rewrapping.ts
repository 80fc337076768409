/** Rewraps, and shows how far it is. */
import { Failure } from "../../failure.ts";
import { loadCatalogue } from "../../providers/catalogue.ts";
import { type RewrapFailure, type RewrapProgress, rewrapAll } from "../../registry/rewrap.ts";
import { createVault } from "../../vault/vault.ts";
import { refused, type Stage } from "./stage.ts";

/** Milliseconds between two lines, unless something has ended. */
const lineMs = 500;
const shownFailures = 10;

/**
 * @param say Gets a line
 * @returns what to tell at the end
 * @throws Failure when some credentials could not be rewrapped: the others are
 */
export async function rewrap(
  { keys, credentials, told }: Stage,
  batch: number,
  say: (line: string) => void,
): Promise<string> {
  const begin = performance.now();
  let said = Number.NEGATIVE_INFINITY;
  const onProgress = (progress: RewrapProgress) => {
    const now = performance.now();
    if (now - said < lineMs && progress.remaining > 0) return;
    said = now;
    say(lineOf(progress, (now - begin) / 1_000));
  };
  const catalogue = await loadCatalogue();
  const summary = await rewrapAll({ credentials, vault: createVault(keys), catalogue, batch, onProgress });
  const { keyId: key, rewrapped, failed } = summary;
  await told({ event: "encryption_key.rewrap", details: { key, rewrapped, failed } });
  for (const failure of summary.failures.slice(0, shownFailures)) say(describe(failure));
  if (summary.failed > 0) {
    throw refused(
      `${summary.failed} credentials could not be unwrapped, and are as they were.`,
      "Put back the keys that `npm run keys -- list` calls missing, or store these credentials anew; then rewrap again.",
    );
  }
  return `Every credential is under ${summary.keyId}. What is not needed any more: npm run keys -- list`;
}

function lineOf({ rewrapped, remaining, failed, keyId }: RewrapProgress, seconds: number): string {
  const rate = seconds > 0 ? rewrapped / seconds : 0;
  const left = remaining > 0 && rate > 0 ? `, ${Math.ceil(remaining / rate)} s left` : "";
  const problems = failed > 0 ? `, ${failed} failed` : "";
  return `${rewrapped} rewrapped under ${keyId}, ${remaining} remain${problems} (${Math.round(rate)}/s${left})`;
}

/** Without a message that may quote a configuration. */
function describe({ organizationId, connectorId, reason }: RewrapFailure): string {
  const why = reason instanceof Failure ? reason.message : "Its configuration can't be read.";
  return `  ${organizationId}/${connectorId}: ${why}`;
}
