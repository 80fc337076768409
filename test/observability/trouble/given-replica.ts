/**
 * A replica in troubles that take too long to make, or a machine that is full: what its metrics
 * say is given, and grows from scrape to scrape. That these metrics are the service's own is
 * tested where they are made.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** By how many scrapes there were. */
const said = (scrapes: number) => `
connector_build_info{version="0.0.0",commit="unknown",node="v0"} 1
# It is started anew before each scrape.
process_start_time_seconds ${scrapes}
process_open_fds 1000
process_max_fds 1024
# It does hardly anything but collect garbage.
nodejs_gc_duration_seconds_sum{kind="major"} ${scrapes * 30}
# Its store was away until 10,000 records of calls waited.
connector_history_dropped_total ${scrapes * 100}
# The store went away just between an action and its outcome.
connector_outcomes_not_noted_total ${scrapes}
# The holder of its keys is away.
connector_key_operations_total{operation="unwrap",outcome="failed"} ${scrapes}
# Its event loop is late, while one organization sends most calls.
connector_over_share_total ${scrapes * 100}
# Hundreds of its sources fail at once: breakers of a few would open before so many retries are refused.
connector_retries_total{decision="budget_used"} ${scrapes * 100}
# It was told to stop.
connector_draining 1
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
