/** The providers there are: whatever stands in this folder. No other file names one. */
import { readdir } from "node:fs/promises";
import { Failure } from "../failure.ts";
import type { Provider } from "./contract.ts";

export interface Catalogue {
  /** All providers, by id. */
  readonly providers: readonly Provider[];
  /** @throws Failure of kind `invalid_request` that names the nearest there are. */
  get(id: string): Provider;
}

/** What stands here and is no provider. */
const others = new Set(["catalogue", "contract", "sql", "http"]);

export async function loadCatalogue(): Promise<Catalogue> {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const entries = await readdir(new URL(".", import.meta.url), { recursive: true });
  const files = entries.flatMap((entry) => {
    const [, name = ""] = /^([^/\\]+)(?:[/\\]index)?\.[jt]s$/.exec(entry) ?? [];
    return entry.endsWith(extension) && name !== "" && !others.has(name) ? [`./${entry}`] : [];
  });
  const modules = await Promise.all(files.map((file) => import(file) as Promise<{ default: Provider }>));
  const providers = modules.map((module) => module.default).sort((a, b) => (a.id < b.id ? -1 : 1));
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  return {
    providers,
    get(id) {
      const provider = byId.get(id);
      if (provider !== undefined) return provider;
      const known = [...byId.keys()].map((each) => `"${each}"`).join(", ");
      throw new Failure("invalid_request", `There is no provider "${id.slice(0, 63)}". There are: ${known}.`, {
        where: "request",
        remedy: "Choose one that ListProviders shows.",
        fields: [{ field: "provider", description: `must be one of ${known}` }],
      });
    },
  };
}
