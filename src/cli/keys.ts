/** Looks after the encryption keys: lists, adds, promotes, rewraps and retires them. */
import { type Config, readConfig } from "../config.ts";
import { Failure } from "../failure.ts";
import { keyUses } from "../registry/key-use.ts";
import { holderOf, refusePrimary, retiredWith } from "./keys/holder.ts";
import { rewrap } from "./keys/rewrapping.ts";
import { onStage, refused, type Stage } from "./keys/stage.ts";
import { tableOf } from "./keys/table.ts";
import { type Arguments, readArguments, UsageError, usage } from "./keys/usage.ts";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Gives what to tell at the end. */
async function run({ command, id = "", batch }: Arguments, config: Config): Promise<string> {
  switch (command) {
    case "list":
      return onStage(config, async ({ keys, credentials }) => tableOf(await keyUses(keys, credentials)));
    case "add":
      return holderOf(config).add(id === "" ? undefined : id);
    case "promote":
      return holderOf(config).promote(id);
    case "rewrap":
      return onStage(config, (stage) => rewrap(stage, batch, say));
    case "retire":
      return onStage(config, (stage) => retire(stage, config, id));
  }
}

/** A key that is destroyed while it wraps a credential takes it along. */
async function retire({ keys, credentials, told }: Stage, config: Config, id: string): Promise<string> {
  await refusePrimary(keys, id);
  const counts = await credentials.counts();
  const used = retiredWith(id, [...counts.keys()]).reduce((sum, each) => sum + (counts.get(each) ?? 0), 0);
  if (used > 0) {
    const what = used === 1 ? "1 credential" : `${used.toLocaleString("en")} credentials`;
    throw refused(`The key ${id} wraps ${what}.`, "Wrap them under the primary key first: npm run keys -- rewrap");
  }
  const answer = await holderOf(config).retire(id);
  await told({ event: "encryption_key.retire", details: { key: id } });
  return answer;
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  try {
    say(args.includes("--help") ? usage : await run(readArguments(args), readConfig(process.env)));
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${usage}`);
      process.exitCode = 2;
    } else if (error instanceof Failure) {
      process.stderr.write(`${error.message}\n${error.remedy ?? ""}\n`);
      process.exitCode = 1;
    } else throw error;
  }
}
