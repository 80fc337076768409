/** The database that the user gives the demo, besides the one that it makes. */
import { isIPv6 } from "node:net";
import { Failure } from "../failure.ts";

/** What CreateConnector takes. */
export interface Target {
  readonly provider: string;
  readonly name: string;
  readonly displayName: string;
  readonly config: Readonly<Record<string, string | number>>;
  readonly credential: { readonly password: string };
}

/** A database of the user's own. */
export interface Given extends Target {
  /** What the operator of a service would write to let connectors go there: `db.example.com:3306`. */
  readonly egressRule: string;
}

export const variable = "DEMO_DATABASE_URL";

const providers: Readonly<Record<string, { readonly id: string; readonly port: number }>> = {
  "mysql:": { id: "mysql", port: 3306 },
  "mariadb:": { id: "mysql", port: 3306 },
  "postgresql:": { id: "postgresql", port: 5432 },
  "postgres:": { id: "postgresql", port: 5432 },
};

/**
 * Takes a URL apart into the fields of a connector; `?tls=` is what its `tls` shall be.
 * The service itself never sees a URL.
 *
 * @throws Failure of kind `configuration_rejected`, whose message repeats nothing of the URL
 */
export function givenDatabase(text: string | undefined): Given | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const url = URL.parse(text.trim());
  const provider = url === null ? undefined : providers[url.protocol];
  if (url === null || provider === undefined) throw wrong("is no URL of a database");
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (!url.hostname || !user || !password || !database) throw wrong("lacks its user, password, host or database");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || provider.port);
  // Nothing of this machine's own leaves it.
  const tls = url.searchParams.get("tls") ?? (isHere(host) ? "disable" : "verify_full");
  return {
    ...{ provider: provider.id, name: "yours", displayName: "A database of yours" },
    config: { host, port, database, user, tls },
    credential: { password },
    egressRule: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`,
  };
}

function isHere(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("has a % that begins no escape");
  }
}

function wrong(what: string): Failure {
  return new Failure("configuration_rejected", `${variable} ${what}.`, {
    where: "service",
    remedy:
      "Write it as mysql://reader:secret@127.0.0.1:3306/shop or postgresql://…, with %40 for an @ in the password " +
      "and so on, and ?tls=disable at its end for a server without TLS.",
  });
}
