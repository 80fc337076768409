/** An HTTP API that is bad in every way that a dashboard shows. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface BadApi {
  readonly url: string;
  stop(): Promise<void>;
}

const rows = JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ id })));

/**
 * `/orders` counts down a quota that is nearly used up, `/slow` takes a second and more,
 * `/broken` is always 503, and `/shaky` every third time; `/token` refuses every grant of the client "revoked", and fails
 * for everybody else.
 */
export async function badApi(): Promise<BadApi> {
  let [left, shaken] = [100, 0];
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    const answer = (status: number, body: string, headers = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    request.resume();
    if (path === "/broken") return answer(503, "{}");
    if (path === "/shaky" && ++shaken % 3 === 0) return answer(503, "{}");
    if (path === "/slow") return setTimeout(() => answer(200, rows), 1_200);
    if (path === "/token/revoked") return answer(400, '{"error":"invalid_grant"}');
    if (path === "/token") return answer(500, "{}");
    left = Math.max(1, left - 1);
    return answer(200, rows, {
      ...{ "ratelimit-limit": "10000", "ratelimit-remaining": `${left}`, "ratelimit-reset": "3600" },
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
