/** What `npm run e2e` is told. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export interface Given {
  /** A service that runs already, and an API key of its `connector.admin`; undefined: a service of its own. */
  readonly deployed: { readonly url: string; readonly key: string } | undefined;
  /** Certificates in PEM of the authority that has signed the service's. */
  readonly ca: { readonly file: string; readonly pem: string } | undefined;
  /** Databases of the user's own to be read and, where their user may make a table, written. */
  readonly sources: readonly URL[];
  /** Where the service's metrics are. */
  readonly metrics: string | undefined;
}

export const usage = `Usage: npm run e2e -- [--source URL]... [--url URL --key KEY [--ca FILE] [--metrics URL]]

Drives the whole system from outside by real clients and says of each capability whether it works.
Without --url it starts a service of its own, with sources to reach; nothing has to be there.

  --url URL      a service that runs: https://connectors.example.com
  --key KEY      an API key with the scope connector.admin, or the variable E2E_KEY
  --ca FILE      certificates in PEM of the authorities that signed the service's and the sources'
  --source URL   a database that the service may reach: postgres://user:password@host:5432/name or
                 mysql://…; its TLS is verified, by ?tls=verify_ca without its name; ?tls=disable
                 where it has none. A table is made in it and dropped again where its user may; where not,
                 it is only read. May be given more than once.
  --metrics URL  where the service's metrics are served
`;

export class UsageError extends Error {}

/** @throws UsageError that says which argument is wrong */
export function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): Given {
  const text = { type: "string" } as const;
  const options = { url: text, key: text, ca: text, metrics: text, source: { ...text, multiple: true } } as const;
  const { url, key = environment.E2E_KEY, ca, metrics, source = [] } = parsed(args, options);
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError("--url: must be the URL of a service, such as https://connectors.example.com");
  }
  if (url !== undefined && !key) throw new UsageError("--url: needs --key, or the variable E2E_KEY");
  if (url === undefined && (ca ?? metrics) !== undefined) throw new UsageError("--ca, --metrics: need --url");
  return {
    deployed: url === undefined ? undefined : { url: url.replace(/\/+$/, ""), key: key as string },
    ca: ca === undefined ? undefined : { file: ca, pem: readCertificates(ca) },
    sources: source.map(sourceUrl),
    metrics,
  };
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

function parsed<const O extends Options>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Repeats nothing of the URL, which has a password in it. */
function sourceUrl(text: string): URL {
  const url = URL.parse(text);
  const known = url !== null && /^(postgres|postgresql|mysql|mariadb):$/.test(url.protocol);
  if (!known || !url.hostname || !url.username || url.pathname.length < 2) {
    throw new UsageError("--source: must be written as postgres://user:password@host:5432/name or mysql://…");
  }
  return url;
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--ca: ${(error as Error).message}`);
  }
}
