/** What a reader that does not read costs the service. */
import { Child } from "../support/child.ts";
import type { ServiceAddress } from "./cases.ts";

const stallMs = 5_000;
const warmUpRows = 20_000;

/** Peak memory of a service over its baseline, in MiB, while one reader stalls. */
export async function stalledReaderMb(
  start: () => Promise<{ server: Child; service: ServiceAddress }>,
): Promise<number> {
  // A server of its own: memory that another stream left behind would hide what this one takes.
  const { server, service } = await start();
  const reader = new Child(new URL("reader.ts", import.meta.url));
  try {
    // The baseline is that of a service that has served a stream before: what loads once is not the reader's.
    await reader.call("warm", { service, rows: warmUpRows });
    const baseline = await server.call<number>("watch");
    await reader.call("stall", { service, ms: stallMs });
    return ((await server.call<number>("peak")) - baseline) / 2 ** 20;
  } finally {
    await Promise.all([reader.stop(), server.stop()]);
  }
}
