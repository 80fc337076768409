/** Looks after the encryption keys: lists, adds, promotes, rewraps and retires them. */
import { type Config, readConfig } from "../config.ts";
import { keyUses } from "../registry/key-use.ts";
import { endWith } from "./ending.ts";
import { type Holder, holderOf, newId, refusePrimary, retiredWith } from "./keys/holder.ts";
import { inWords, rewrap } from "./keys/rewrapping.ts";
import { onStage, refused, type Stage, withLog } from "./keys/stage.ts";
import { tableOf } from "./keys/table.ts";
import { type Arguments, readArguments, usage } from "./keys/usage.ts";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Gives what to tell at the end. */
async function run({ command, id = "", batch }: Arguments, config: Config): Promise<string> {
  switch (command) {
    case "list":
      return onStage(config, async ({ keys, credentials }) => tableOf(await keyUses(keys, credentials)));
    case "add":
      return changed(config, "encryption_key.add", id === "" ? newId() : id, (holder, key) => holder.add(key));
    case "promote":
      return changed(config, "encryption_key.promote", id, (holder, key) => holder.promote(key));
    case "rewrap":
      return onStage(config, (stage) => rewrap(stage, batch, say));
    case "retire":
      return onStage(config, (stage) => retire(stage, config, id));
  }
}

/** Tells the audit log, which is at hand before anything is changed. */
async function changed(
  config: Config,
  event: "encryption_key.add" | "encryption_key.promote",
  key: string,
  change: (holder: Holder, key: string) => Promise<string>,
): Promise<string> {
  const holder = holderOf(config);
  // Of the built-in database, which a running service has for itself, the command keeps away.
  if (!holder.changes || !("url" in config.database)) return change(holder, key);
  return withLog(config.database.url.reveal(), config.migrates, async (told) => {
    const answer = await change(holder, key);
    await told({ event, details: { key } });
    return answer;
  });
}

/** A key that is destroyed while it wraps a credential or an answer takes it along. */
async function retire({ keys, credentials, told }: Stage, config: Config, id: string): Promise<string> {
  await refusePrimary(keys, id);
  const counts = await credentials.counts();
  const used = retiredWith(id, [...counts.keys()]).map((each) => counts.get(each));
  const what = inWords(
    used.reduce((sum, each) => sum + (each?.credentials ?? 0), 0),
    used.reduce((sum, each) => sum + (each?.answers ?? 0), 0),
  );
  if (what !== "") {
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
    endWith(error, usage, "The keys were not looked after.");
  }
}
