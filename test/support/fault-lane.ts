/** One direction of a proxied connection: what comes in goes out as the present fault has it. */
import type { Socket } from "node:net";

/** What a fault does to the bytes of one direction. The attributes are explained at `Fault`. */
export type LaneFault =
  | { readonly kind: "hold" }
  | { readonly kind: "latency"; readonly latencyMs: number; readonly jitterMs?: number }
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  | { readonly kind: "slow_close"; readonly delayMs: number }
  | {
      readonly kind: "slicer";
      readonly averageBytes: number;
      readonly variationBytes?: number;
      readonly delayMs: number;
    }
  | { readonly kind: "corruption"; readonly rate: number }
  | { readonly kind: "limit_data"; readonly bytes: number };

export interface Lane {
  /** Looks again at what the fault is. */
  changed(): void;
  /** Nothing goes out any more. */
  close(): void;
}

export interface LaneOptions {
  readonly from: Socket;
  readonly to: Socket;
  /** What is wrong at the moment. */
  fault(): LaneFault | undefined;
  /** As many bytes as `limit_data` allows have gone out. */
  onLimit(): void;
}

/** Some bytes, or how the sender ended: in order, or with its connection broken. */
interface Item {
  readonly what: Buffer | "end" | "reset";
  /** When it came, on `performance.now()`'s clock. */
  readonly at: number;
  /** From -1 to 1: its part of the jitter. */
  readonly luck: number;
}

/** Bytes that wait on their way before the sender has to. */
const maxQueued = 1 << 20;
/** Bandwidth is given out in parts of a second. */
const bandwidthPart = 0.02;

export function openLane({ from, to, fault, onLimit }: LaneOptions): Lane {
  const queue: Item[] = [];
  let queued = 0;
  let closed = false;
  /** When the next piece may go out, for faults that space them. */
  let nextAt = 0;
  /** Bytes that went out under the present fault. */
  let passed = 0;
  let wake = () => {};

  const push = (what: Item["what"]) => {
    queue.push({ what, at: performance.now(), luck: Math.random() * 2 - 1 });
    wake();
  };
  from
    .on("data", (bytes: Buffer) => {
      queued += bytes.length;
      if (queued > maxQueued) from.pause();
      push(bytes);
    })
    .once("end", () => push("end"))
    .once("close", () => {
      if (!from.readableEnded) push("reset");
    })
    .resume();

  /** Until something has changed, or so many milliseconds have passed. */
  const woken = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const takePiece = (bytes: Buffer, now: number): Buffer => {
    const present = fault();
    const size = pieceSize(present, bytes.length, passed);
    const piece = bytes.subarray(0, size);
    const [first] = queue as [Item];
    if (size === bytes.length) queue.shift();
    else queue[0] = { ...first, what: bytes.subarray(size) };
    nextAt = Math.max(now, nextAt) + spacing(present, size);
    passed += size;
    queued -= size;
    if (queued < maxQueued / 2 && !from.destroyed) from.resume();
    return present?.kind === "corruption" ? corrupted(piece, present.rate) : piece;
  };

  const run = async () => {
    while (!closed) {
      const [item] = queue;
      const now = performance.now();
      const wait = item === undefined ? Number.POSITIVE_INFINITY : dueAt(fault(), item, nextAt) - now;
      if (item === undefined || wait > 0) {
        await woken(wait);
        continue;
      }
      if (item.what === "end") {
        to.end();
        return;
      }
      if (item.what === "reset") {
        to.resetAndDestroy();
        return;
      }
      if (to.destroyed) {
        from.resetAndDestroy();
        return;
      }
      const taken = to.write(takePiece(item.what, now));
      const present = fault();
      if (present?.kind === "limit_data" && passed >= present.bytes) onLimit();
      if (!taken) await drained(to);
    }
  };
  void run();

  return {
    changed() {
      nextAt = 0;
      passed = 0;
      wake();
    },
    close() {
      closed = true;
      wake();
    },
  };
}

/** Resolves when the socket takes more, or never will. */
function drained(to: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    if (to.destroyed || !to.writableNeedDrain) resolve();
    else to.on("drain", done).on("close", done);
  });
}

function dueAt(fault: LaneFault | undefined, { what, at, luck }: Item, nextAt: number): number {
  if (fault?.kind === "hold") return Number.POSITIVE_INFINITY;
  if (fault?.kind === "latency") return at + fault.latencyMs + luck * (fault.jitterMs ?? 0);
  if (fault?.kind === "slow_close") return typeof what === "string" ? at + fault.delayMs : 0;
  return nextAt;
}

function pieceSize(fault: LaneFault | undefined, length: number, passed: number): number {
  switch (fault?.kind) {
    case "bandwidth":
      return Math.min(length, Math.max(1, Math.round(fault.bytesPerSecond * bandwidthPart)));
    case "slicer": {
      const variation = (Math.random() * 2 - 1) * (fault.variationBytes ?? 0);
      return Math.min(length, Math.max(1, Math.round(fault.averageBytes + variation)));
    }
    case "limit_data":
      return Math.min(length, Math.max(0, fault.bytes - passed));
    default:
      return length;
  }
}

/** Milliseconds from a piece to the next. */
function spacing(fault: LaneFault | undefined, size: number): number {
  if (fault?.kind === "bandwidth") return (size / fault.bytesPerSecond) * 1_000;
  return fault?.kind === "slicer" ? fault.delayMs : 0;
}

/** A copy in which each byte has one bit flipped with the given chance. */
function corrupted(bytes: Buffer, rate: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at < copy.length; at++) {
    if (Math.random() < rate) copy[at] = (copy[at] as number) ^ (1 << Math.floor(Math.random() * 8));
  }
  return copy;
}
