/**
 * The programs that tests run and npm does not bring. Run before the tests, it installs
 * what is missing where it may, and says how to get it where it may not.
 */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { findProgram } from "../../src/demo/observe/program.ts";

// The demo looks for programs in the same places.
export { findProgram };

interface Server {
  readonly program: string;
  /** The package of Debian and Ubuntu that holds it. */
  readonly package: string;
  /** What the package starts by itself, and no test needs. */
  readonly service: string;
  /** How to get it elsewhere. */
  readonly elsewhere: string;
  /** The environment variable that names a server to be used instead. */
  readonly instead?: string;
}

const servers: readonly Server[] = [
  { program: "redis-server", package: "redis-server", service: "redis-server", elsewhere: "brew install redis" },
  { program: "pgbouncer", package: "pgbouncer", service: "pgbouncer", elsewhere: "brew install pgbouncer" },
  { program: "prometheus", package: "prometheus", service: "prometheus", elsewhere: "brew install prometheus" },
  { program: "haproxy", package: "haproxy", service: "haproxy", elsewhere: "brew install haproxy" },
  { program: "pg_dump", package: "postgresql", service: "postgresql", elsewhere: "brew install postgresql@18" },
  {
    ...{ program: "mariadbd", package: "mariadb-server", service: "mariadb", elsewhere: "brew install mariadb" },
    instead: "TEST_MYSQL_URL",
  },
];

/** What a few tests need, which are left out where it is missing, and say so. */
interface Tool {
  readonly program: string;
  readonly packages: readonly string[];
}

const tools: readonly Tool[] = [
  { program: "chromium", packages: ["chromium"] },
  { program: "grpc_python_plugin", packages: ["protobuf-compiler-grpc", "python3-grpcio"] },
];

async function missingServers(): Promise<Server[]> {
  const needed = servers.filter(({ instead }) => instead === undefined || process.env[instead] === undefined);
  const found = await Promise.all(needed.map(({ program }) => findProgram(program)));
  return needed.filter((_, index) => found[index] === undefined);
}

/** On standard error, as standard output may be a report for a program. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function missingTools(): Promise<readonly Tool[]> {
  const found = await Promise.all(tools.map(({ program }) => findProgram(program)));
  return tools.filter((_, index) => found[index] === undefined);
}

async function provide(): Promise<boolean> {
  const [missing, lacking] = await Promise.all([missingServers(), missingTools()]);
  const apt = await findProgram("apt-get");
  const may = apt !== undefined && process.getuid?.() === 0;
  if (may && missing.length > 0) await installServers(apt, missing);
  // By themselves: a system that has none of them must get its servers all the same.
  if (may && lacking.length > 0)
    await install(
      apt,
      lacking.flatMap(({ packages }) => packages),
    );
  const still = await missingServers();
  for (const server of still) say(adviceFor(server, apt !== undefined));
  return still.length === 0;
}

async function installServers(apt: string, missing: readonly Server[]): Promise<void> {
  await install(
    apt,
    missing.map((server) => server.package),
  );
  // The package was not there before, so neither was its service: nobody else's is stopped.
  for (const { service } of missing) await promisify(execFile)("service", [service, "stop"]).catch(() => {});
}

async function install(apt: string, packages: readonly string[]): Promise<void> {
  say(`Installing ${packages.join(", ")} for the tests, which is done once...`);
  try {
    await run(apt, "update", "-q");
    await run(apt, "install", "-y", "-q", "--no-install-recommends", ...packages);
  } catch (error) {
    say((error as Error).message);
  }
}

/** Shows what the program said only when it failed. */
async function run(program: string, ...args: string[]): Promise<void> {
  const child = spawn(program, args, {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  if (code === 0) return;
  throw new Error(`${Buffer.concat(said)}\n${program} ${args.join(" ")} failed (${code}).`);
}

function adviceFor({ program, package: name, elsewhere }: Server, debian: boolean): string {
  const command = debian ? `sudo apt-get update && sudo apt-get install -y ${name}` : elsewhere;
  return `The tests need ${program}, which is not on this machine. Run this, then the tests again:\n\n  ${command}\n`;
}

if (import.meta.main && !(await provide())) process.exit(1);
