/** Sessions of the rest provider with an API that a test answers for. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Page, ReadQuery, ResourceQuery, Session } from "../../../src/providers/contract.ts";
import rest from "../../../src/providers/rest.ts";
import { textRows } from "../../../src/rows/page.ts";
import { callFor, localDial } from "./stage.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answered {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  /** The connection is cut instead. */
  readonly lost?: true;
}

export interface TestApi {
  readonly url: string;
  /** What has been asked, in order. */
  readonly asked: readonly Asked[];
  /** Connections that are open. */
  connections(): Promise<number>;
}

export async function testApi(answer: (asked: Asked, url: string) => Answered | Promise<Answered>): Promise<TestApi> {
  const all: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
    const { method = "", headers } = request;
    const asked = { method, path: pathname, parameters: searchParams, headers, body: await text(request) };
    all.push(asked);
    const { status = 200, headers: more = {}, json, lost } = await answer(asked, url);
    if (lost) request.socket.destroy();
    else
      response
        .writeHead(status, { "content-type": "application/json", ...more })
        .end(json === undefined ? "" : JSON.stringify(json));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
  });
  const connections = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  return { url, asked: all, connections };
}

/** A session with a connector that declares these resources. */
export function sessionWith(url: string, declared: object): Required<Omit<Session, "test">> & Session {
  const config = rest.config.parse({ base_url: url, authentication: { type: "none" }, ...declared });
  const session = rest.open(config, undefined, {
    ...{ dial: localDial, maxConnections: 4, places: createPlaces({ perHost: 10, all: 10 }) },
  });
  onTestFinished(() => session.close());
  return session as Required<Session>;
}

export function queryOf(resource: string, more: Partial<ResourceQuery> = {}): ResourceQuery {
  return { kind: "resource", resource, fields: [], filter: undefined, orderBy: [], limit: undefined, ...more };
}

export const textsOf = ({ fields, batches }: Pick<Page, "fields" | "batches">) =>
  batches.flatMap((batch) => textRows(batch, fields.length));

/** All rows, by pages of these sizes in turn, and how many rows each page had. */
export async function readPages(session: Required<Omit<Session, "test">>, query: ReadQuery, sizes: readonly number[]) {
  const rows: (string | null)[][] = [];
  const counts: number[] = [];
  let continuation: string | undefined;
  do {
    const size = sizes[counts.length % sizes.length] ?? 1;
    const page: Page = await session.query(query, { size, continuation, maxBytes: 2_000_000 }, callFor());
    const texts = textsOf(page);
    rows.push(...texts);
    counts.push(texts.length);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return { rows, counts };
}

export async function readStream(session: Required<Omit<Session, "test">>, query: ReadQuery) {
  const { fields, batches } = await session.stream(query, callFor());
  return textsOf({ fields, batches: await Array.fromAsync(batches) });
}
