/** What runs on a connection, and how it is brought to an end. */
import { orAborted } from "../../abort.ts";
import type { Settled } from "../contract.ts";

/** What a connection is busy with. */
export interface Activity {
  /** Settles when the connection is ready for the next. Never fails. */
  readonly settled: Promise<void>;
  /** It failed or was cut short: the connection must not be used again. */
  readonly broken: boolean;
  /** Reads on without keeping anything; whoever waits is told the error. */
  discard(error: Error): void;
}

/** How a server is told, and tells, that something ends. */
interface Ending {
  /** Asks the server once to stop what runs; settles when the request can meet nothing any more. */
  request(signal: AbortSignal): Promise<void>;
  /** Whether the server has said how it ended: a connection that ends without a word says nothing of the statement. */
  heard(): boolean;
}

/** How long a server may take to end what it was told to end before the connection is cut, in milliseconds. */
const settleMs = 5_000;
/** How long a cancel request has to take effect before the next is sent, in milliseconds. */
const cancelAgainMs = 50;

/**
 * Stops what runs, and waits until the server has heard it *and* every request has come
 * to its end: one that is still on its way must not meet another statement. Never fails.
 *
 * @param reason What whoever waits for rows is told.
 * @returns `lost` when the server gave no sign that it has ended.
 */
export async function stopped(activity: Activity, reason: Error, { request, heard }: Ending): Promise<Settled> {
  activity.discard(reason);
  const limit = AbortSignal.timeout(settleMs);
  // A server that can't be reached or does not answer leaves nothing but to cut the connection.
  const requests = requestUntil(activity.settled, limit, request).catch(() => {});
  const settled = await ended(activity, heard, limit);
  await requests;
  return settled;
}

/**
 * Waits until what runs has ended by itself. Never fails.
 *
 * @returns `lost` when the server gave no sign of it.
 */
export async function ended(
  activity: Activity,
  heard: () => boolean,
  limit = AbortSignal.timeout(settleMs),
): Promise<Settled> {
  try {
    await orAborted(activity.settled, limit);
    return heard() ? "answered" : "lost";
  } catch {
    return "lost";
  }
}

/** A request that finds the server between two commands has no effect: they are sent until one has. */
async function requestUntil(
  settled: Promise<void>,
  limit: AbortSignal,
  request: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let running = true;
  const over = settled.then(() => {
    running = false;
  });
  while (running && !limit.aborted) {
    await request(limit);
    const pause = AbortSignal.any([limit, AbortSignal.timeout(cancelAgainMs)]);
    await orAborted(over, pause).catch(() => {}); // Whether it has ended, the loop looks itself.
  }
}
