/** Verifies the audit log, exports its checkpoints, and shows the key that they are signed by. */
import { writeFile } from "node:fs/promises";
import { lineOf, readCheckpoints } from "../audit/checkpoint.ts";
import { type ChainVerified, verifyChain } from "../audit/verification.ts";
import { readConfig } from "../config.ts";
import { onStage, readCheckpointFile, readPublicKey, refused, type Stage } from "./audit/stage.ts";
import { type Arguments, readArguments, usage } from "./audit/usage.ts";
import { endWith } from "./ending.ts";

/** Milliseconds between two lines about one chain. */
const lineMs = 500;

const say = (line: string) => void process.stdout.write(`${line}\n`);
const counted = (count: number) => `${count.toLocaleString("en")} ${count === 1 ? "entry" : "entries"}`;

/** Gives the exit code. */
async function run({ store, keys }: Stage, given: Arguments): Promise<number> {
  if (given.printPublicKey) {
    process.stdout.write(keys.public.export({ format: "pem", type: "spki" }));
    return 0;
  }
  const stored = await store.organizations();
  if (given.exportTo !== undefined) return exportCheckpoints(store, chosen(stored, given), given.exportTo);
  const kept = (await Promise.all(given.checkpoints.map(readCheckpointFile))).flat();
  const publicKeys = new Map([[keys.id, keys.public], ...(await Promise.all(given.publicKeys.map(readPublicKey)))]);
  // An organization whose chain is gone as a whole is known by its checkpoints alone.
  const known = kept.map(({ organizationId }) => organizationId);
  const organizations = chosen([...new Set([...stored, ...known])], given);
  const begin = performance.now();
  const results: ChainVerified[] = [];
  for (const organizationId of organizations) {
    const onProgress = progressOf(organizationId);
    const result = await verifyChain(organizationId, { store, publicKeys, kept, onProgress });
    say(describe(result));
    results.push(result);
  }
  const verified = results.reduce((sum, result) => sum + result.verified, 0);
  const broken = results.filter((result) => result.broken !== undefined).length;
  const seconds = (performance.now() - begin) / 1_000;
  const rate = Math.round(verified / Math.max(seconds, 0.001)).toLocaleString("en");
  say(
    `${counted(verified)} of ${results.length} chains verified in ${seconds.toFixed(1)} s (${rate}/s), ${broken} broken`,
  );
  return broken === 0 ? 0 : 1;
}

/** @throws Failure when the one that was asked for is none of them: of nothing it would be said that it is whole */
function chosen(organizations: readonly string[], { organization }: Arguments): readonly string[] {
  if (organization === undefined) return organizations;
  if (organizations.includes(organization)) return [organization];
  throw refused(
    `There is no chain of an organization ${organization}.`,
    "Leave --organization away to see all chains.",
  );
}

function progressOf(organizationId: string): (verified: number) => void {
  const begin = performance.now();
  let said = begin;
  return (verified) => {
    const now = performance.now();
    if (now - said < lineMs) return;
    said = now;
    const rate = Math.round(verified / ((now - begin) / 1_000)).toLocaleString("en");
    say(`${organizationId}: ${counted(verified)} so far (${rate}/s)`);
  };
}

function describe({ organizationId, verified, checkpoints, broken }: ChainVerified): string {
  if (broken === undefined) return `✓ ${organizationId}: ${counted(verified)} and ${checkpoints} checkpoints are whole`;
  const place = broken.sequence === undefined ? "beside the chain" : `at ${broken.sequence}`;
  return `✗ ${organizationId}: broken ${place}. ${broken.problem} Before it, ${counted(verified)} are whole.`;
}

async function exportCheckpoints(
  store: Stage["store"],
  organizations: readonly string[],
  path: string,
): Promise<number> {
  const lines: string[] = [];
  for (const organizationId of organizations) {
    lines.push(...(await store.read((em) => readCheckpoints(em, organizationId))).map(lineOf));
  }
  await writeFile(path, lines.join("")).catch((cause: NodeJS.ErrnoException) => {
    throw refused(`${path} can't be written (${cause.code}).`, "Give a file that can be.");
  });
  say(`Wrote ${lines.length} checkpoints to ${path}. Keep it where whoever has the database can't change it.`);
  return 0;
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  try {
    if (args.includes("--help")) process.stdout.write(usage);
    else {
      const given = readArguments(args);
      process.exitCode = await onStage(readConfig(process.env), (stage) => run(stage, given));
    }
  } catch (error) {
    endWith(error, usage, "The audit log was not verified.");
  }
}
