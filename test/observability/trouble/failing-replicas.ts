/** Replicas in processes of their own, in the troubles that nobody can make in the process of the test. */
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Prometheus } from "../../../src/demo/observe/prometheus.ts";
import { freePort } from "../../../src/store/embedded/cluster.ts";
import { runProgram } from "../../service/process.ts";
import { encryptionKey, signingKey } from "../../support/keys.ts";
import { freshStore } from "../../support/postgres.ts";

export interface FailingReplicas extends AsyncDisposable {
  /** Where their metrics are: `127.0.0.1:40001`. */
  readonly targets: readonly string[];
  /** Makes all of the troubles; settles when Prometheus has seen each of them. Rejects when the replicas are stopped before. */
  fail(prometheus: Prometheus): Promise<void>;
}

/** Files that a replica may have open: several times as many as it has when nobody calls. */
const openFiles = 256;
/** More than this many within the time that the alert looks at. */
const restarts = 3;
/** For so long in all, a tenth of the time that the alert looks at and a little more. */
const starving = { times: 33, stoppedMs: 1_000, runningMs: 100 };
const lookMs = 200;

/** Collects garbage, as often as it can, from one signal to the next. */
const collecting = "let t;process.on('SIGUSR2',()=>{t=t?clearInterval(t):setInterval(gc,10)})";

/** Two that serve, on one store. */
export async function failingReplicas(): Promise<FailingReplicas> {
  await using stack = new AsyncDisposableStack();
  const database = await freshStore();
  stack.defer(() => database.drop());
  const end = new AbortController();
  const store = { DATABASE_URL: database.url };
  const options = `--expose-gc --import data:text/javascript,${encodeURIComponent(collecting)}`;
  const restarted = stack.use(startFailing(await freePort(), store));
  const starved = stack.use(startFailing(await freePort(), { ...store, NODE_OPTIONS: options }));
  await Promise.all([restarted.url(), starved.url()]);
  stack.defer(() => end.abort());
  const owned = stack.move();
  return {
    targets: [restarted.target, starved.target],
    async fail(prometheus) {
      const seen = async (expr: string) => {
        for (;;) {
          const [found] = await prometheus.instant(expr);
          if (found !== undefined) return found.value;
          await delay(lookMs, undefined, { signal: end.signal });
        }
      };
      const first = async () => {
        await restart(restarted, seen);
        await fillFiles(restarted, seen);
      };
      await Promise.all([first(), starve(starved, seen, end.signal)]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface FailingReplica extends AsyncDisposable {
  readonly target: string;
  /** Where it listens, once it does. */
  url(): Promise<string>;
  /** Ends it as a lack of memory does, and starts it again. */
  restart(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Makes so many connections that stay. */
  connect(count: number): Promise<void>;
}

function startFailing(metricsPort: number, settings: Readonly<Record<string, string>>): FailingReplica {
  const environment = {
    ...{ PORT: "0", METRICS_PORT: String(metricsPort), SIGNING_KEY: signingKey },
    ...{ ENCRYPTION_KEYS: `test:${encryptionKey}`, ...settings },
  };
  const limited = ["sh", "-c", `ulimit -n ${openFiles} && exec "$0" "$@"`];
  const start = () => runProgram("main.ts", environment, [], limited);
  const sockets: net.Socket[] = [];
  let stopped = false;
  let running = start();
  const kill = async () => {
    running.child.kill("SIGKILL");
    await running.ended;
  };
  return {
    target: `127.0.0.1:${metricsPort}`,
    url: () => running.url,
    async restart() {
      await kill();
      if (stopped) return;
      running = start();
      await running.url;
    },
    signal: (signal) => void running.child.kill(signal),
    async connect(count) {
      const port = Number(new URL(await running.url).port);
      for (let i = 0; i < count; i++) sockets.push(await idleConnection(port));
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const socket of sockets) socket.destroy();
      await kill();
    },
  };
}

/** Has had an answer, since one that asks for nothing is soon closed. */
async function idleConnection(port: number): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {}).write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  return socket;
}

/** The value of what a query finds, once it finds something. */
type Seen = (expr: string) => Promise<number>;

async function restart({ target, restart }: FailingReplica, seen: Seen): Promise<void> {
  const changes = `changes(process_start_time_seconds{instance="${target}"}[1h])`;
  for (let done = 0; done < restarts; done++) {
    await seen(`${changes} >= ${done}`);
    await restart();
  }
  await seen(`${changes} >= ${restarts}`);
}

async function fillFiles({ target, connect }: FailingReplica, seen: Seen): Promise<void> {
  // Linux alone tells a process of its files.
  if (process.platform !== "linux") return;
  const [open, most] = [`process_open_fds{instance="${target}"}`, `process_max_fds{instance="${target}"}`];
  await connect(Math.ceil(await seen(`0.9 * ${most} - ${open}`)));
  await seen(`${open} > 0.8 * ${most}`);
}

/**
 * It collects garbage all the time, on a machine that lets it run for a tenth of the time: the
 * half minute of collecting that the alert is about takes three seconds of a processor.
 */
async function starve({ target, signal }: FailingReplica, seen: Seen, end: AbortSignal): Promise<void> {
  signal("SIGUSR2");
  // What grows is told from what was there before.
  await seen(`nodejs_gc_duration_seconds_sum{instance="${target}", kind="major"}`);
  for (let i = 0; i < starving.times; i++) {
    signal("SIGSTOP");
    await delay(starving.stoppedMs, undefined, { signal: end });
    signal("SIGCONT");
    await delay(starving.runningMs, undefined, { signal: end });
  }
  signal("SIGUSR2");
  await seen(
    `sum(rate(nodejs_gc_duration_seconds_sum{instance="${target}"}[5m])) > 0.1 and on () up{instance="${target}"} == 1`,
  );
}
