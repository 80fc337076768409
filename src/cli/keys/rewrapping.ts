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
 * @throws Failure when some could not be rewrapped: the others are
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
    const answers = summary.failures.filter(({ kind }) => kind === "answer").length;
    throw refused(
      `${inWords(summary.failed - answers, answers)} could not be unwrapped, and are as they were.`,
      "Put back the keys that `npm run keys -- list` calls missing, or store these credentials anew; then rewrap again. An answer is of no use after 25 hours, and not counted any more.",
    );
  }
  if (summary.remaining > 0) {
    throw refused(`${summary.remaining} were held by others, and are as they were.`, "Rewrap again.");
  }
  return `Every credential and every kept answer is under ${summary.keyId}. What is not needed any more: npm run keys -- list`;
}

function lineOf({ rewrapped, remaining, failed, keyId }: RewrapProgress, seconds: number): string {
  const rate = seconds > 0 ? rewrapped / seconds : 0;
  const left = remaining > 0 && rate > 0 ? `, ${Math.ceil(remaining / rate)} s left` : "";
  const problems = failed > 0 ? `, ${failed} failed` : "";
  return `${rewrapped} rewrapped under ${keyId}, ${remaining} remain${problems} (${Math.round(rate)}/s${left})`;
}

/** Without a message that may quote a configuration. */
function describe({ kind, organizationId, connectorId, reason }: RewrapFailure): string {
  const unread = reason instanceof Failure ? reason.message : "Its configuration can't be read.";
  const why = kind === "answer" ? "An answer that is kept for an idempotency key can't be opened." : unread;
  return `  ${organizationId}/${connectorId}: ${why}`;
}

/** Of what is more than nothing; empty when none is. */
export function inWords(credentials: number, answers: number): string {
  const counted = (count: number, noun: string) => {
    return count === 0 ? [] : [`${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`];
  };
  return [...counted(credentials, "credential"), ...counted(answers, "kept answer")].join(" and ");
}
