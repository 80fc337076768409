/** A provider of the tests' own over real HTTP, and the server that it reads from. */
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { z } from "zod";
import { Failure } from "../../src/failure.ts";
import type { Catalogue } from "../../src/providers/catalogue.ts";
import {
  type Call,
  defineProvider,
  type Page,
  type ReadQuery,
  type Session,
  type SessionContext,
} from "../../src/providers/contract.ts";
import type { Field } from "../../src/rows/field.ts";
import type { PackedBatch } from "../../src/rows/packed.ts";
import { type Cells, pack } from "../rows/cells.ts";

/** The source refused with a status. */
class Refused extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor({ statusCode = 0, headers }: IncomingMessage) {
    super(`HTTP ${statusCode}`);
    this.status = statusCode;
    const seconds = headers["retry-after"];
    this.retryAfterMs = seconds === undefined ? undefined : Number(seconds) * 1_000;
  }
}

/** Reads `GET /RESOURCE`: a page is one array of rows, a stream a line for each batch of them. */
export const httpProvider = defineProvider({
  id: "test_http",
  title: "Test HTTP",
  type: "api",
  capabilities: ["test", "query"],
  config: z.strictObject({ host: z.string(), port: z.int() }),
  credential: z.undefined(),
  endpoint: ({ host, port }) => ({ host, port }),
  open: (target, _, context) => openSession(target, context),
  classify,
});

/** The catalogue that holds this provider alone. */
export const httpCatalogue: Catalogue = { providers: [httpProvider], get: () => httpProvider };

type Target = { readonly host: string; readonly port: number };

function openSession(target: Target, { dial }: SessionContext): Session {
  const ask = async (path: string, call: Call): Promise<IncomingMessage> => {
    call.enter("connect");
    const socket = await dial(target, call.signal);
    call.enter("source");
    const cut = () => socket.destroy();
    call.signal.addEventListener("abort", cut, { once: true });
    call.settling(new Promise((resolve) => socket.once("close", () => resolve("answered"))));
    const request = get({ ...target, path, createConnection: () => socket });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.once("close", cut);
    tellQuota(response, call);
    call.enter("transfer");
    if (response.statusCode === 200) return response;
    response.resume();
    throw new Refused(response);
  };
  return {
    async test(call) {
      await ask("/", call);
      return { ok: true, serverVersion: "HTTP", tls: "", readOnly: true, user: "", checks: [] };
    },
    async query(query, _, call) {
      return pageOf((await json(await ask(pathOf(query), call))) as Cells);
    },
    async stream(query, call) {
      return { fields: [textField], batches: batchesOf(await ask(pathOf(query), call)) };
    },
    close: async () => {},
  };
}

function pathOf(query: ReadQuery): string {
  return `/${query.kind === "resource" ? query.resource : "native"}`;
}

const textField: Field = { name: "text", type: "string", nullable: true, nativeType: "text" };

function pageOf(rows: Cells): Page {
  const batches = rows.length === 0 ? [] : [pack(rows)];
  return { fields: [textField], batches, continuation: undefined, paging: "single", truncated: false };
}

async function* batchesOf(response: IncomingMessage): AsyncGenerator<PackedBatch> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield pack(JSON.parse(line) as Cells);
  }
}

/** As GitHub tells it: `x-ratelimit-limit`, `-remaining` and `-reset`, in seconds since 1970. */
function tellQuota({ headers }: IncomingMessage, call: Call): void {
  const number = (name: string) => Number(headers[`x-ratelimit-${name}`]);
  if (headers["x-ratelimit-limit"] === undefined) return;
  const resetTime = new Date(number("reset") * 1_000);
  call.quota({ name: "core", limit: number("limit"), remaining: number("remaining"), resetTime });
}

function classify(cause: unknown): Failure | undefined {
  if (cause instanceof Failure) return cause;
  const about = { where: "upstream", upstream: "test_http" } as const;
  if (cause instanceof Refused) {
    const { status, retryAfterMs } = cause;
    const patience = retryAfterMs === undefined ? {} : { retryAfterMs };
    const options = { ...about, ...patience, status: String(status) };
    if (status === 429) return new Failure("upstream_rate_limited", "The source limits its callers.", options);
    if (status >= 500) return new Failure("upstream_unavailable", "The source can't serve now.", options);
    return new Failure("statement_rejected", "The source refuses the request.", options);
  }
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ECONNREFUSED") return new Failure("upstream_unreachable", "Nothing listens at the source.", about);
  if (code === "ECONNRESET") return new Failure("upstream_lost", "The source went away.", about);
  return undefined;
}

/** What the server does with a request. */
export type Answer = (response: ServerResponse) => void;

export interface HttpSource {
  readonly port: number;
  /** Requests that have come. */
  readonly requests: number;
  /** Answers the next requests in this order, and then each as the last one; before, with one row. */
  answer(...answers: [Answer, ...Answer[]]): void;
  /** Settles when so many requests have come. */
  asked(times: number): Promise<void>;
  stop(): Promise<void>;
}

export async function httpSource(): Promise<HttpSource> {
  let requests = 0;
  let answers: Answer[] = [rows([["1"]])];
  const come = new EventTarget();
  const server = createServer((_, response) => {
    requests++;
    const [next] = answers as [Answer, ...Answer[]];
    if (answers.length > 1) answers.shift();
    next(response);
    come.dispatchEvent(new Event("request"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    answer(...next) {
      answers = next;
    },
    async asked(times) {
      while (requests < times) await once(come, "request");
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A page of rows. */
export function rows(cells: Cells, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(200, headers).end(JSON.stringify(cells));
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(code, headers).end();
}

/** A stream of batches. */
export function lines(...batches: readonly Cells[]): Answer {
  return (response) => void response.end(batches.map((batch) => `${JSON.stringify(batch)}\n`).join(""));
}

/** Never answers. */
export const silence: Answer = () => {};
