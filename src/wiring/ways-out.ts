/** Where the service's own database is, and the ways out that never lead there. */
import type { Config } from "../config.ts";
import { createEgress, type Egress } from "../egress/egress.ts";
import { placeOf } from "../egress/own.ts";
import type { Embedded } from "../store/embedded.ts";

/** The service's own database, and where its notices are heard. */
export function databaseUrls({ database }: Config, embedded: Embedded | undefined): { url: string; listenUrl: string } {
  if (!("url" in database)) return { url: (embedded as Embedded).url, listenUrl: (embedded as Embedded).url };
  const { url, directUrl = url } = database;
  return { url: url.reveal(), listenUrl: directUrl.reveal() };
}

/** The ways out, none of which leads connectors to what the service lives on. */
export function egressOf(config: Config, databaseUrls: readonly string[], embedded: Embedded | undefined): Egress {
  // The built-in server plays customers', too, on whose databases one tries things.
  const shared = embedded === undefined ? [] : [`127.0.0.1:${embedded.port}`, `[::1]:${embedded.port}`];
  const egress = createEgress({ ...config.egress, allow: [...config.egress.allow, ...shared] }, config.ca);
  for (const url of [...databaseUrls, config.redis?.url.reveal()]) if (url !== undefined) egress.own.add(placeOf(url));
  return egress;
}
