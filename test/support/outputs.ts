/**
 * What the services of a run have put out: their logs, metrics, errors and spans, and what their
 * audit logs and histories have kept. It is searched for credentials when the run ends.
 */
import { appendFile, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import pg from "pg";
import { type DestinationStream, pino } from "pino";
import { inject } from "vitest";
import { anySpelling } from "../service/spellings.ts";
import { enterableDirectory } from "./directory.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where what comes out of services is kept until the run ends. */
    outputsDirectory: string;
  }
}

/** What services put out, one file each. */
const kinds = ["log", "metrics", "errors", "tables", "spans"] as const;
type Kind = (typeof kinds)[number];

/** What takes all that a worker's services put out of one kind. */
const fileOf = (kind: Kind) => path.join(inject("outputsDirectory"), `${kind}-${process.pid}`);

/** What files begin with that tell what is looked for, besides what every run looks for. */
const sought = "sought";

/** Has credentials of a test's own looked for, too: few, as each is looked for in all that was put out. */
export const keepSought = (secrets: readonly string[]) =>
  appendFile(
    path.join(inject("outputsDirectory"), `${sought}-${process.pid}`),
    secrets.map((each) => `${JSON.stringify(each)}\n`).join(""),
  );

const keep = (kind: Kind, text: string) => appendFile(fileOf(kind), `${text}\n`);

let log: DestinationStream | undefined;

/** Takes the logs of services that run in the test's own process. */
export function logFile(): DestinationStream {
  log ??= pino.destination({ dest: fileOf("log"), append: true, sync: true });
  return log;
}

/** Keeps all that a service in a process of its own has said. */
export const keepSaid = (stdout: string, stderr: string) => keep("log", `${stdout}${stderr}`);

/** Keeps what a collector of traces was sent. */
export const keepSpans = (body: Uint8Array) => appendFile(fileOf("spans"), body);

/** Keeps what the service measures now, if it still does. */
export async function keepMetrics(url: string): Promise<void> {
  const response = await fetch(url).catch(() => undefined);
  await keep("metrics", (await response?.text()) ?? "");
}

/** Keeps every error that a client is told, as it came. */
export const keepErrors: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    if (error instanceof ConnectError && error.code !== Code.Canceled) await keep("errors", told(error));
    throw error;
  }
};

function told(error: ConnectError): string {
  const details = error.details.map((detail) =>
    "type" in detail ? Buffer.from(detail.value).toString("latin1") : JSON.stringify(detail),
  );
  return [error.code, error.rawMessage, JSON.stringify([...error.metadata]), ...details].join(" ");
}

/** Keeps what the audit log and the history of a service's store hold. */
export async function keepTables(storeUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: storeUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         AND relname ~ '^(audit|query_record|idempotency)'`,
    );
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t LIMIT 50000`);
      if (rows.length > 0) await keep("tables", rows.map(({ row }) => `${name} ${row}`).join("\n"));
    }
  } finally {
    await client.end();
  }
}

/** Bytes of what was searched, by kind, and how many credentials were looked for. */
export type Searched = Readonly<Record<Kind | "secrets", number>>;

export interface Outputs {
  readonly directory: string;
  /**
   * Looks for secrets, and those that tests have named, in all that was kept, however they are written.
   *
   * @throws Error that names the files and where in them one stands, and not the secret
   */
  search(secrets: readonly string[]): Promise<Searched>;
  remove(): Promise<void>;
}

export async function openOutputs(): Promise<Outputs> {
  const directory = path.join(await enterableDirectory(), "outputs");
  await mkdir(directory);
  return {
    directory,
    async search(secrets) {
      const all = new Set([...secrets, ...(await namedIn(directory))]);
      const pattern = anySpelling([...all]);
      const searched = { log: 0, metrics: 0, errors: 0, tables: 0, spans: 0, secrets: all.size };
      const found: string[] = [];
      for (const file of (await readdir(directory)).filter((each) => !each.startsWith(sought))) {
        for await (const [at, bytes] of chunksOf(path.join(directory, file))) {
          searched[kinds.find((kind) => file.startsWith(kind)) ?? "log"] += bytes.length;
          const match = pattern.exec(bytes.toString("latin1"));
          if (match !== null) found.push(`${file} at byte ${at + match.index}`);
        }
      }
      if (found.length > 0) throw new Error(`A credential stands in ${path.join(directory, found.join(", "))}`);
      return searched;
    },
    remove: () => rm(path.dirname(directory), { recursive: true, force: true }),
  };
}

async function namedIn(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => file.startsWith(sought));
  const texts = await Promise.all(files.map((file) => readFile(path.join(directory, file), "utf8")));
  return texts.flatMap((text) => text.trim().split("\n")).map((line) => JSON.parse(line) as string);
}

const chunkBytes = 32 * 1024 * 1024;
/** No spelling of a secret is longer: chunks share so much that none falls between two. */
const overlap = 4_096;

async function* chunksOf(file: string): AsyncGenerator<readonly [number, Buffer]> {
  await using handle = await open(file);
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; ; at += chunkBytes - overlap) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, at);
    yield [at, buffer.subarray(0, bytesRead)];
    if (bytesRead < chunkBytes) return;
  }
}
