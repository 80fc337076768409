/** Creates an API key in the configured database and prints it, once. */
import { parseArgs } from "node:util";
import { checkGrant } from "../auth/granting.ts";
import { isAgentName, isScope, principalOf, scopes } from "../auth/principal.ts";
import { parseSigningKey } from "../auth/signing-key.ts";
import { type Config, readConfig } from "../config.ts";
import { createApiKey, developmentKeys, type NewApiKey } from "../development.ts";
import { startEmbedded } from "../store/embedded.ts";
import { openStore, type StoreOptions } from "../store/store.ts";
import { endWith, UsageError } from "./ending.ts";

const usage = `Usage: npm run api-key -- --organization ID --principal NAME --scopes SCOPE,SCOPE [options]

  --organization ID     whose connectors the key is for; 1 to 64 of A-Z a-z 0-9 _ . : -
  --principal NAME      what its bearer is called in history and audit
  --scopes SCOPE,SCOPE  what it may do: ${scopes.slice(0, 4).join(", ")},
                        ${scopes.slice(4).join(", ")} (which implies the others)
  --connectors ID,ID    only these connectors; without it, all of the organization's
  --resources NAME,NAME only these resources: public.city, or sales.* for a namespace; without it, all
  --agent NAME          the agent that it always calls as, on that agent's grants only; without it, none
  --expires DATE        when it ends: 2030-12-31 or 2030-12-31T12:00:00Z; without it, never

The database and the keys are the service's: give the same environment variables.
`;

/** @throws UsageError that says which argument is wrong */
function readArguments(args: readonly string[]): NewApiKey {
  const text = { type: "string" } as const;
  const options = {
    ...{
      organization: text,
      principal: text,
      scopes: text,
      connectors: text,
      resources: text,
      agent: text,
      expires: text,
    },
  };
  const {
    organization,
    principal,
    scopes,
    connectors = "",
    resources = "",
    agent = "",
    expires,
  } = parsed(() => parseArgs({ args: [...args], options })).values;
  if (organization === undefined || principal === undefined || scopes === undefined) {
    throw new UsageError("--organization, --principal and --scopes are needed.");
  }
  const key = {
    ...{ organizationId: organization, principal, scopes: listOf(scopes) },
    ...{ connectorIds: listOf(connectors), resources: listOf(resources), agent },
  };
  if (agent !== "" && !isAgentName(agent)) throw new UsageError("--agent: must be of 1 to 255 visible characters.");
  const unknown = key.scopes.filter((scope) => !isScope(scope));
  if (key.scopes.length === 0) throw new UsageError("--scopes names no scope.");
  if (unknown.length > 0) throw new UsageError(`--scopes: there is no ${unknown.join(", ")}.`);
  // Who has the database has everything.
  const everything = {
    authentication: "api_key",
    scopes: ["connector.admin"],
    connectorIds: undefined,
    resources: undefined,
  } as const;
  parsed(() => checkGrant(principalOf({ organizationId: organization, id: principal, ...everything }), key));
  const stranger = key.connectorIds.find((id) => !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id));
  if (stranger !== undefined) throw new UsageError(`--connectors: ${stranger} is not a connector's id.`);
  return { ...key, expireTime: expires === undefined ? null : dateOf(expires) };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function dateOf(text: string): Date {
  const date = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(date.getTime())) {
    throw new UsageError(`--expires: ${text} is not a date.`);
  }
  if (date.getTime() <= Date.now()) throw new UsageError(`--expires: ${text} is past.`);
  return date;
}

/** The built-in database is started for it, and must not be in use by the service. */
async function create(config: Config, key: NewApiKey): Promise<string> {
  const { database, migrates } = config;
  if ("url" in database) {
    return createIn({ url: database.url.reveal(), migrates }, config.signingKey?.reveal() ?? "", key);
  }
  const embedded = await startEmbedded({ directory: database.directory });
  try {
    const keys = await developmentKeys(embedded.directory);
    return await createIn(embedded, config.signingKey?.reveal() ?? keys.signingKey, key);
  } finally {
    await embedded.stop();
  }
}

async function createIn(
  { url, migrates = true }: Pick<StoreOptions, "url" | "migrates">,
  signingKey: string,
  key: NewApiKey,
): Promise<string> {
  const store = await openStore({ url, migrates, poolSize: 2 });
  try {
    return await createApiKey(store, parseSigningKey(signingKey), key);
  } finally {
    await store.close();
  }
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  try {
    const answer = args.includes("--help") ? usage : `${await create(readConfig(process.env), readArguments(args))}\n`;
    process.stdout.write(answer);
  } catch (error) {
    endWith(error, usage, "No API key was made.");
  }
}
