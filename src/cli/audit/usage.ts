/** What `npm run audit:verify` takes. */
import { parseArgs } from "node:util";
import { UsageError } from "../ending.ts";

export const usage = `Usage: npm run audit:verify [-- OPTIONS]

Checks every chain of the audit log: each entry against its hash, each checkpoint against its
signature and the chain, and that no entry is beside it. Names the first that is broken.

  --organization ID    only this organization's chain
  --checkpoints FILE   checkpoints that were kept elsewhere: they show an end that was cut off.
                       May be given several times
  --public-key FILE    a key in PEM that checkpoints may be signed by, besides the service's own.
                       May be given several times
  --export FILE        write the checkpoints of the database to a file, to keep elsewhere
  --print-public-key   only print the key that checkpoints are signed by, in PEM

The database and the keys are the service's: give the same environment variables.
Ends with 0 when all is whole, with 1 when something is broken or could not be read.
`;

export interface Arguments {
  readonly organization: string | undefined;
  readonly checkpoints: readonly string[];
  readonly publicKeys: readonly string[];
  readonly exportTo: string | undefined;
  readonly printPublicKey: boolean;
}

/** @throws UsageError that says which argument is wrong */
export function readArguments(args: readonly string[]): Arguments {
  const values = parsed(args);
  for (const option of ["organization", "checkpoints", "public-key", "export"] as const) {
    if ([values[option]].flat().includes("")) throw new UsageError(`--${option}: it is empty.`);
  }
  return {
    ...{ organization: values.organization, checkpoints: values.checkpoints, publicKeys: values["public-key"] },
    ...{ exportTo: values.export, printPublicKey: values["print-public-key"] },
  };
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  const several = { ...text, multiple: true, default: [] as string[] } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ organization: text, checkpoints: several, "public-key": several, export: text },
        "print-public-key": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
