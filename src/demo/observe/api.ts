/** Somebody's HTTP API, as good and as bad as such are: it counts a quota down, takes its time, and fails now and then. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Api extends AsyncDisposable {
  /** `http://127.0.0.1:40001`. */
  readonly url: string;
}

export interface ApiMoods {
  /** Requests that it answers each minute. */
  readonly quota: number;
  /** One of so many requests fails with 503. */
  readonly failsEach: number;
  /** Milliseconds that it thinks at most. */
  readonly slowestMs: number;
}

const minuteMs = 60_000;
const page = JSON.stringify(Array.from({ length: 50 }, (_, id) => ({ id, name: `order ${id}`, total: `${id}.50` })));

/** `GET /orders` is fifty rows, or 503, or 429. */
export async function startApi({ quota, failsEach, slowestMs }: ApiMoods): Promise<Api> {
  let requests = 0;
  let left = quota;
  let resetsMs = performance.now() + minuteMs;
  const server = createServer((_, response) => {
    requests++;
    const nowMs = performance.now();
    if (nowMs >= resetsMs) [left, resetsMs] = [quota, nowMs + minuteMs];
    const seconds = Math.ceil((resetsMs - nowMs) / 1_000);
    const status = left === 0 ? 429 : requests % failsEach === 0 ? 503 : 200;
    if (left > 0) left--;
    const headers = {
      "content-type": "application/json",
      ...{ "ratelimit-limit": `${quota}`, "ratelimit-remaining": `${left}`, "ratelimit-reset": `${seconds}` },
      ...(status === 429 ? { "retry-after": `${seconds}` } : {}),
    };
    // By the number of the request, so that each run is like the one before.
    const thinksMs = ((requests * 37) % 100) * (slowestMs / 100);
    setTimeout(() => response.writeHead(status, headers).end(status === 200 ? page : "{}"), thinksMs);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
