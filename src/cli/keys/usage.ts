/** What `npm run keys` takes. */
import { parseArgs } from "node:util";
import { UsageError } from "../ending.ts";

export const usage = `Usage: npm run keys -- COMMAND

  list          every encryption key, its state, and how many credentials and answers it wraps
  add [ID]      make a key; every replica must have it before it is promoted
  promote ID    wrap with it from now on; the primary key of before only unwraps
  rewrap        wrap everything under the primary key, while the service serves
  retire ID     destroy a key that wraps nothing any more

A rotation is add, promote, rewrap, retire. A rewrap that was cut off goes on where it was.
Answers are those that are kept for a day for idempotency keys.

  --batch N     rewrap: credentials or answers at once, 1 to 1000; default 100

The database and the keys are the service's: give the same environment variables.
Keys of ENCRYPTION_KEYS_FILE are changed there, and a running service follows. For keys
of ENCRYPTION_KEYS and of Vault the commands say what to change.
`;

export const commands = ["list", "add", "promote", "rewrap", "retire"] as const;

export interface Arguments {
  readonly command: (typeof commands)[number];
  readonly id: string | undefined;
  readonly batch: number;
}

/** @throws UsageError that says which argument is wrong */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parsed(args);
  const [name, id, ...more] = positionals;
  const command = commands.find((each) => each === name);
  if (command === undefined) throw new UsageError(name === undefined ? "What to do?" : `There is no command ${name}.`);
  if (more.length > 0) throw new UsageError(`${more.join(" ")}: one key at a time.`);
  if (id === undefined && (command === "promote" || command === "retire"))
    throw new UsageError(`${command} which key?`);
  if (id !== undefined && (command === "list" || command === "rewrap"))
    throw new UsageError(`${command} takes no key.`);
  const batch = Number(values.batch);
  if (!Number.isInteger(batch) || batch < 1 || batch > 1_000) {
    throw new UsageError(`--batch: ${values.batch} is no whole number from 1 to 1000.`);
  }
  return { command, id, batch };
}

function parsed(args: readonly string[]) {
  try {
    const options = { batch: { type: "string", default: "100" } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
