/** A process that runs the service. */
import { answerCommands } from "../support/child.ts";
import type { ConnectorGiven } from "../support/stages.ts";
import type { ServiceAddress } from "./cases.ts";
import { startService } from "./service.ts";

const sampleEveryMs = 20;

let close = async (): Promise<void> => undefined;
let sampling: NodeJS.Timeout | undefined;
let peak = 0;

answerCommands(
  {
    /** Starts the service with a connector to this source. */
    async start({ connector, directory }: { connector: ConnectorGiven; directory: string }): Promise<ServiceAddress> {
      const service = await startService(connector, directory);
      close = service.close;
      return service.address;
    },

    /** Begins to watch the memory of this process, and says what it is now. */
    watch(): number {
      peak = process.memoryUsage.rss();
      const baseline = peak;
      sampling = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage.rss());
      }, sampleEveryMs);
      return baseline;
    },

    /** The most memory since `watch`, in bytes. */
    peak(): number {
      clearInterval(sampling);
      return peak;
    },
  },
  () => close(),
);
