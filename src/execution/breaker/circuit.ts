/**
 * opossum as a state machine and a rolling window, and nothing else.
 *
 * The attempts run outside of it: it is told their ends, one synchronous outcome each, so
 * that it has no time limit, no capacity and no signal of its own whose end could be taken
 * for the source's. It is told nothing while it is open or half open either, since one
 * outcome more, whosever it is, would decide the state.
 */
import { EventEmitter } from "node:events";
import CircuitBreaker from "opossum";
import type { BreakerState } from "../../observability/observation.ts";

export interface CircuitOptions {
  /** Milliseconds from its opening to half open. */
  readonly openMs: number;
  /** Milliseconds of the window, which moves on by a tenth of it. */
  readonly windowMs: number;
  /** Outcomes without which it stays closed. */
  readonly minAttempts: number;
  /** The part of the window's outcomes that opens it when it failed, in percent. */
  readonly failingPercent: number;
  /** Hears of every change, within the call that makes it; half open comes by a timer. */
  readonly onState: (state: BreakerState) => void;
}

export interface Circuit {
  /** Counts one outcome, which may open it; to be called while it is closed only. */
  count(healthy: boolean): void;
  /** To be called while it is half open only. */
  open(): void;
  /** Closes it, and forgets all outcomes. */
  close(): void;
  /** Gives up the window, if all that it holds has left it; to be called while it is closed only. */
  rest(): void;
  /** Frees its timer, without a word to `onState`; it must not be used any more. */
  dispose(): void;
}

export function createCircuit(options: CircuitOptions): Circuit {
  const { windowMs, minAttempts } = options;
  let machine: Machine | undefined; // None while there is nothing to count.
  let counted = 0;
  let failuresInARow = 0;
  let failingSince = 0;

  return {
    count(healthy) {
      counted = performance.now();
      machine ??= createMachine(options);
      machine.count(healthy);
      if (healthy) failuresInARow = 0;
      else if (failuresInARow++ === 0) failingSince = counted;
      // Of a connector that is seldom called the window never holds enough.
      else if (failuresInARow >= minAttempts && counted - failingSince > windowMs) machine.open();
    },
    open: () => machine?.open(),
    close() {
      failuresInARow = 0;
      machine?.close();
    },
    rest() {
      // Closed, it has no timer that would have to be freed.
      if (performance.now() - counted > windowMs) machine = undefined;
    },
    dispose() {
      machine?.dispose();
      machine = undefined;
    },
  };
}

type Machine = Omit<Circuit, "rest">;

const buckets = 10;
/** One for all: nobody sees it, and a stack would cost more than everything else here. */
const failed = Object.freeze({ name: "failed" });

/** Throws at once rather than later: then the circuit is open when `count` returns. */
function fail(): never {
  throw failed;
}

/** Stands in for a bucket's latencies, which opossum keeps of every outcome, wanted or not. */
const noLatencies: number[] = Object.assign([], { push: () => 0 });

const ignore = () => {};

function createMachine({ openMs, windowMs, minAttempts, failingPercent, onState }: CircuitOptions): Machine {
  // opossum's own rotation would be an interval for each breaker, however idle.
  const rotation = new EventEmitter();
  const opossum = new CircuitBreaker<[], never>(fail, {
    timeout: false,
    resetTimeout: openMs,
    rollingCountTimeout: windowMs,
    rollingCountBuckets: buckets,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    volumeThreshold: minAttempts,
    // It opens above the threshold, not at it.
    errorThresholdPercentage: failingPercent - 1e-9,
    rotateBucketController: rotation,
  });
  opossum.on("open", () => onState("open"));
  opossum.on("halfOpen", () => onState("half_open"));
  opossum.on("close", () => onState("closed"));

  const currentBucket = () => {
    const [bucket] = opossum.status.window as [CircuitBreaker.Bucket];
    bucket.latencyTimes = noLatencies;
    return bucket;
  };
  let current = currentBucket();
  const rotate = (times: number) => {
    for (let time = 0; time < times; time++) rotation.emit("rotate");
    current = currentBucket();
  };
  const bucketMs = windowMs / buckets;
  let rotated = performance.now();

  return {
    count(healthy) {
      const due = Math.floor((performance.now() - rotated) / bucketMs);
      if (due > 0) {
        rotated += due * bucketMs;
        rotate(Math.min(due, buckets));
      }
      if (!healthy) {
        opossum.fire().catch(ignore);
        return;
      }
      // All that opossum does with a success while it is closed, without its promises and events.
      current.fires++;
      current.successes++;
    },
    open: () => opossum.open(),
    close() {
      // What failed before it opened would open it again at the next failure.
      rotate(buckets);
      opossum.close();
    },
    dispose: () => opossum.shutdown(),
  };
}
