/** A service of the run's own, as an operator starts it, with a PostgreSQL that is its store and a customer's. */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scratchDirectory } from "../../src/demo/scratch.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import type { OwnService } from "./stage.ts";

export interface Started extends AsyncDisposable {
  readonly url: string;
  readonly key: string;
  readonly metricsUrl: string;
  /** Of the customer's database. */
  readonly sourceUrl: URL;
  readonly own: OwnService;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const returnOrigin = "http://localhost:3000";

/** Milliseconds until a service that does not stop by SIGTERM is killed. */
const stopMs = 30_000;

/** @param caFile of further authorities that the service trusts */
export async function startOwn(port: number, caFile: string): Promise<Started> {
  await using starting = new AsyncDisposableStack();
  const scratch = starting.use(await scratchDirectory());
  const embedded = await startEmbedded({ directory: scratch.directory });
  starting.defer(() => embedded.stop());
  const [sourceUrl, closedPort] = await Promise.all([embedded.createDatabase("shop"), freePort()]);
  const environment = {
    PORT: String(port),
    METRICS_PORT: "0",
    DATABASE_URL: embedded.url,
    ENCRYPTION_KEYS: `first:${randomBytes(32).toString("hex")}`,
    SIGNING_KEY: randomBytes(32).toString("hex"),
    EGRESS_ALLOW: `127.0.0.0/8,::1/128,127.0.0.1:${embedded.port}`,
    CA_FILE: caFile,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    AUTHORIZATION_RETURN_ORIGINS: returnOrigin,
  };
  const service = await startService(environment);
  starting.defer(async () => void (await service.terminate()));
  const command = (program: string, ...args: string[]) => run(program, args, environment);
  const grant = ["--organization", "e2e", "--principal", "e2e", "--scopes", "connector.admin"];
  const printed = await command("cli/api-key.ts", ...grant);
  const [key] = /csk\.[\w-]+\.[\w-]+/.exec(printed) ?? [];
  if (key === undefined) throw new Error("npm run api-key printed no key.");
  const running = starting.move();
  return {
    ...{ url: environment.PUBLIC_URL, key, metricsUrl: service.metricsUrl, sourceUrl: withoutTls(sourceUrl) },
    own: { command, closedPort, returnOrigin, terminate: service.terminate },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function withoutTls(text: string): URL {
  const url = new URL(text);
  url.searchParams.set("tls", "disable");
  return url;
}

const surroundings = () => ({
  PATH: process.env.PATH,
  ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
});

async function run(program: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
  const options = { cwd: root, env: { ...surroundings(), ...environment } };
  const { stdout } = await promisify(execFile)(process.execPath, [`src/${program}`, ...args], options);
  return stdout;
}

async function startService(environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ["src/main.ts"], {
    cwd: root,
    env: { ...surroundings(), ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  const said: string[] = [];
  let metricsPort: number | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    const [, found] = /"metricsPort":(\d+)/.exec(line) ?? [];
    if (found === undefined) continue;
    metricsPort = Number(found);
    break;
  }
  if (metricsPort === undefined) throw new Error(`The service did not start:\n${said.join("\n")}`);
  child.stdout.resume();
  const terminate = async () => {
    child.kill("SIGTERM");
    const killing = setTimeout(() => child.kill("SIGKILL"), stopMs);
    const [code] = await ended;
    clearTimeout(killing);
    return code;
  };
  return { metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`, terminate };
}
