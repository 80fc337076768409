/**
 * Response messages that are encoded and enveloped already.
 *
 * Connect serializes each message of a stream into bytes of its own, and copies them
 * into an envelope, which is two copies and two large allocations for each batch of
 * rows. A handler may leave a ready envelope here and yield an empty message in its
 * place; whoever writes the response puts the one where the other stands. gRPC,
 * gRPC-Web and Connect have the same envelopes, so one serves them all.
 */
import { type ContextValues, createContextKey } from "@connectrpc/connect";

/** An envelope, and what to do when its bytes have been sent. */
export interface Ready {
  readonly envelope: Uint8Array;
  sent(): void;
}

const queueKey = createContextKey<Ready[] | undefined>(undefined, { description: "ready envelopes" });

/** An empty message in its envelope: no flags, no bytes. */
const emptyEnvelopeBytes = 5;

/** Leaves an envelope for the empty message that is yielded next; says whether there is somebody to take it. */
export function leaveReady(values: ContextValues, ready: Ready): boolean {
  const queue = values.get(queueKey);
  queue?.push(ready);
  return queue !== undefined;
}

type Body = AsyncIterable<Uint8Array>;

/**
 * Makes place for ready envelopes in a call, and puts them into its response.
 *
 * @param isFlushed Whether nothing that was written still waits to be sent.
 */
export function takeReady(values: ContextValues, isFlushed: () => boolean): (body: Body) => Body {
  const queue: Ready[] = [];
  values.set(queueKey, queue);
  return async function* (body) {
    for await (const chunk of body) {
      const isPlace = chunk.length === emptyEnvelopeBytes && chunk.every((byte) => byte === 0);
      const ready = isPlace ? queue.shift() : undefined;
      yield ready?.envelope ?? chunk;
      // The next is asked for when this one was written, which need not mean sent.
      if (ready !== undefined && isFlushed()) ready.sent();
    }
  };
}
