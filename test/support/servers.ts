/**
 * The programs that tests run and npm does not bring. Run before the tests, it installs
 * what is missing where it may, and says how to get it where it may not.
 */
import { findProgram, install } from "../../src/demo/observe/program.ts";

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
  if (may && missing.length > 0) {
    const packages = missing.map((server) => server.package);
    const services = missing.map(({ service }) => service);
    await provideBy(apt, packages, services);
  }
  // By themselves: a system that has none of them must get its servers all the same.
  if (may && lacking.length > 0) {
    const packages = lacking.flatMap((tool) => tool.packages);
    await provideBy(apt, packages);
  }
  const still = await missingServers();
  for (const server of still) say(adviceFor(server, apt !== undefined));
  return still.length === 0;
}

async function provideBy(apt: string, packages: readonly string[], services?: readonly string[]): Promise<void> {
  say(`Installing ${packages.join(", ")} for the tests, which is done once...`);
  await install(apt, packages, services).catch((error: Error) => say(error.message));
}

function adviceFor({ program, package: name, elsewhere }: Server, debian: boolean): string {
  const command = debian ? `sudo apt-get update && sudo apt-get install -y ${name}` : elsewhere;
  return `The tests need ${program}, which is not on this machine. Run this, then the tests again:\n\n  ${command}\n`;
}

if (import.meta.main && !(await provide())) process.exit(1);
