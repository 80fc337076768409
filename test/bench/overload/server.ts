/** A process that runs the service, with a store and metrics. */
import { parseSigningKey } from "../../../src/auth/signing-key.ts";
import { readConfig } from "../../../src/config.ts";
import { createApiKey } from "../../../src/development.ts";
import { startService } from "../../../src/main.ts";
import { createLog } from "../../../src/observability/log.ts";
import { openStore } from "../../../src/store/store.ts";
import { answerCommands } from "../support/child.ts";

export interface Served {
  readonly url: string;
  readonly metricsUrl: string;
  /** A token for everything of each organization, by its name. */
  readonly tokens: Readonly<Record<string, string>>;
}

export interface ServeRequest {
  readonly storeUrl: string;
  readonly organizations: readonly string[];
}

const signingKey = `${"5a".repeat(31)}01`;

let close = async (): Promise<unknown> => undefined;

answerCommands(
  {
    /** Starts it as an operator does, with the limits that it has by itself. */
    async start({ storeUrl, organizations }: ServeRequest): Promise<Served> {
      const config = readConfig({
        ...{
          PORT: "0",
          METRICS_PORT: "0",
          LOG_LEVEL: "error",
          EGRESS_ALLOW: `127.0.0.0/8,127.0.0.1:${new URL(storeUrl).port}`,
        },
        ...{ DATABASE_URL: storeUrl, ENCRYPTION_KEYS: `bench:${"4b".repeat(31)}02`, SIGNING_KEY: signingKey },
      });
      const service = await startService(config, createLog(config.logLevel));
      close = service.stop;
      const tokens: Record<string, string> = {};
      for (const organization of organizations) tokens[organization] = await tokenFor(storeUrl, organization);
      return { url: service.url, metricsUrl: `http://127.0.0.1:${service.metricsPort}/metrics`, tokens };
    },

    /** Microseconds of CPU, in user and system, that it has used up to now. */
    cpuUs(): number {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  },
  async () => void (await close()),
);

async function tokenFor(storeUrl: string, organizationId: string): Promise<string> {
  const store = await openStore({ url: storeUrl, poolSize: 2 });
  try {
    const scopes = ["connector.admin"];
    return await createApiKey(store, parseSigningKey(signingKey), { organizationId, principal: "bench", scopes });
  } finally {
    await store.close();
  }
}
