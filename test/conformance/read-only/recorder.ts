/** Passes on what an API is asked in clear text, and writes it down. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Address } from "../fixture.ts";

/** The pieces of a URL as they are meant: the path's own, then a name and a value of each parameter. */
export type Parts = readonly string[];

export interface Recorder {
  readonly port: number;
  /** What was asked, in order. */
  readonly asked: Parts[];
  stop(): void;
}

export async function recorder({ host, port }: Address): Promise<Recorder> {
  const asked: Parts[] = [];
  const server = createServer((incoming, outgoing) => {
    const { url = "", method = "", headers } = incoming;
    asked.push(partsOf(url));
    const passed = request({ host, port, path: url, method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function partsOf(url: string): Parts {
  const [path = "", query = ""] = url.split("?");
  return [...path.split("/").map(decodeURIComponent), ...[...new URLSearchParams(query)].flat()];
}
