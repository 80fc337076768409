/**
 * A replica in the troubles that a test can't make within seconds in its own process: what its
 * metrics say is given, and grows from scrape to scrape. That these metrics are the service's own
 * is tested where they are made.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** By how many scrapes there were. */
const said = (scrapes: number) => `
connector_build_info{version="0.0.0",commit="unknown",node="v0"} 1
# It is started anew before each scrape: the service of the test lives in the test's process, which is started once.
process_start_time_seconds ${scrapes}
# Its files run out: the limit of the test's process is what the machine gives it, and often a million.
process_open_fds 1000
process_max_fds 1024
# It does hardly anything but collect garbage: a tenth of five minutes would be half a minute of nothing else.
nodejs_gc_duration_seconds_sum{kind="major"} ${scrapes * 30}
# Its store was away until 10,000 records of calls waited, which takes as many calls.
connector_history_dropped_total ${scrapes * 100}
# Its store went away between an action and its outcome, which is then tried to be noted for ten seconds.
connector_outcomes_not_noted_total ${scrapes}
`;

export interface GivenReplica {
  /** `127.0.0.1:40001`. */
  readonly target: string;
  stop(): Promise<void>;
}

export async function givenReplica(): Promise<GivenReplica> {
  let scrapes = 0;
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(said(++scrapes).trimStart());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
