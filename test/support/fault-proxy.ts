/**
 * A TCP proxy that harms what passes through it. Faults and their attributes are named
 * as Shopify's toxiproxy names its toxics (github.com/Shopify/toxiproxy, README, "Toxics").
 */
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Lane, type LaneFault, openLane } from "./fault-lane.ts";

/** Upstream leads to the server. */
export type Direction = "upstream" | "downstream";

/** Where a fault takes a direction, it harms both by default. Times are in milliseconds. */
export type Fault =
  /** Everything comes later, by `latencyMs` ± `jitterMs`. */
  | { readonly kind: "latency"; readonly latencyMs: number; readonly jitterMs?: number; readonly direction?: Direction }
  /** Nothing listens, and what was open is cut. */
  | { readonly kind: "down" }
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number; readonly direction?: Direction }
  /** The end of a connection comes later. */
  | { readonly kind: "slow_close"; readonly delayMs: number; readonly direction?: Direction }
  /** Open connections are reset, and new ones so long after they were accepted. Default: at once. */
  | { readonly kind: "reset_peer"; readonly afterMs?: number }
  /** No byte and no end passes, and connections stay open; what was held back passes when the fault is lifted. */
  | { readonly kind: "timeout" }
  /** As `timeout`, in one direction. */
  | { readonly kind: "half_open"; readonly direction: Direction }
  /** New connections are accepted and led nowhere, until the fault is lifted; older ones work. */
  | { readonly kind: "blackhole" }
  /** Connections that are open now lead nowhere for ever, as a firewall forgets idle ones; new ones work. */
  | { readonly kind: "forgotten" }
  /** Bytes come in pieces of `averageBytes` ± `variationBytes`, with a delay between them. */
  | {
      readonly kind: "slicer";
      readonly averageBytes: number;
      readonly variationBytes?: number;
      readonly delayMs: number;
      readonly direction?: Direction;
    }
  /** Each byte has a bit flipped with a chance of `rate`. */
  | { readonly kind: "corruption"; readonly rate: number; readonly direction?: Direction }
  /** A connection is closed after so many bytes, counted from when the fault was set. */
  | { readonly kind: "limit_data"; readonly bytes: number; readonly direction?: Direction };

export interface FaultProxy {
  /** It listens there on 127.0.0.1, always the same one. */
  readonly port: number;
  /** Connections of which one side at least is open now. */
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Puts this fault in the place of the one before, also for open connections; settles when it is in effect. */
  set(fault: Fault | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** How long a port that was given up may be in use by others, in milliseconds. */
const portBackMs = 5_000;

/** Passes connections on to the server, unharmed at first. */
export async function faultProxy({ host, port }: { host: string; port: number }): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let fault: Fault | undefined;
  let accepted = 0;
  let stopped = false;

  const accept = (client: Socket) => {
    accepted++;
    const pair = openPair(
      client,
      { host, port },
      () => fault,
      () => pairs.delete(pair),
    );
    pairs.add(pair);
    if (fault?.kind !== "reset_peer") return;
    // A timer would leave a fast server the time to answer.
    if (fault.afterMs === undefined) pair.reset();
    else setTimeout(() => pair.reset(), fault.afterMs).unref();
  };
  const options = { allowHalfOpen: true, noDelay: true };
  let server = createServer(options, accept);
  const ownPort = await listen(server, 0);

  return {
    port: ownPort,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    async set(next) {
      const wasDown = fault?.kind === "down";
      fault = next;
      if (next?.kind === "down") {
        server.close();
        for (const pair of pairs) pair.cut();
      } else if (wasDown) {
        server = createServer(options, accept);
        await listen(server, ownPort);
      }
      for (const pair of pairs) {
        if (next?.kind === "reset_peer") pair.reset();
        if (next?.kind === "forgotten") pair.forget();
        pair.changed();
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const pair of pairs) pair.cut();
      await promise;
    },
  };
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  const end = performance.now() + portBackMs;
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
    try {
      await promise;
      server.off("error", reject);
      return (server.address() as { port: number }).port;
    } catch (error) {
      // An outgoing connection of anybody's may have been given the port meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || performance.now() > end) throw error;
      await delay(20);
    }
  }
}

/** A connection to the proxy, and the one from there to the server. */
interface Pair {
  changed(): void;
  /** Leads nowhere from now on. */
  forget(): void;
  /** Closes both sides at once, after what was sent already. */
  cut(): void;
  reset(): void;
}

function openPair(
  client: Socket,
  target: { host: string; port: number },
  fault: () => Fault | undefined,
  onClosed: () => void,
): Pair {
  const held = holdBack(client);
  let server: Socket | undefined;
  let lanes: readonly Lane[] = [];
  let forgotten = false;
  let over = false;
  const sides = () => (server === undefined ? [client] : [client, server]);
  const end = (how: (side: Socket) => void) => {
    over = true;
    for (const lane of lanes) lane.close();
    sides().forEach(how);
  };
  const closed = () => {
    if (sides().every((side) => side.closed)) onClosed();
  };
  const cut = () => end((side) => side.destroySoon());
  const dial = () => {
    if (server !== undefined || over || client.destroyed) return;
    const opened = connect({ ...target, allowHalfOpen: true, noDelay: true });
    server = opened;
    opened.on("error", () => {}).once("close", closed);
    const lane = (from: Socket, to: Socket, direction: Direction) =>
      openLane({
        from,
        to,
        fault: () => laneFault(forgotten ? { kind: "timeout" } : fault(), direction),
        onLimit: cut,
      });
    held.giveBack();
    lanes = [lane(client, opened, "upstream"), lane(opened, client, "downstream")];
  };
  client.on("error", () => {}).once("close", closed);
  if (fault()?.kind !== "blackhole") dial();

  return {
    changed() {
      if (fault()?.kind !== "blackhole") dial();
      for (const lane of lanes) lane.changed();
    },
    forget() {
      forgotten = true;
      // The server would never hear of the client's end; who counts its connections should not count these.
      const destroy = () => end((side) => side.destroy());
      if (client.readableEnded) destroy();
      else client.once("end", destroy).once("close", destroy);
    },
    cut,
    reset: () => end((side) => side.resetAndDestroy()),
  };
}

/** Reads what a client says: who does not read never learns that it has left. */
function holdBack(client: Socket): { giveBack(): void } {
  const bytes: Buffer[] = [];
  const keep = (chunk: Buffer) => void bytes.push(chunk);
  const leave = () => client.destroy();
  client.on("data", keep).once("end", leave);
  return {
    giveBack() {
      client.off("data", keep).off("end", leave).pause();
      client.unshift(Buffer.concat(bytes));
    },
  };
}

/** What is wrong in one direction. */
function laneFault(fault: Fault | undefined, direction: Direction): LaneFault | undefined {
  if (fault === undefined || ("direction" in fault && fault.direction !== direction)) return undefined;
  switch (fault.kind) {
    case "timeout":
    case "half_open":
      return { kind: "hold" };
    case "down":
    case "reset_peer":
    case "blackhole":
    case "forgotten":
      return undefined;
    default:
      return fault;
  }
}
