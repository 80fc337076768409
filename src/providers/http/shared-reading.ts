/** Something that is read once for all who need it at a time. */
import type { Call } from "../contract.ts";

export interface SharedReading<T> {
  /** What was read, or is being read; else reads it. The next caller reads anew after a failure. */
  get(call: Call): Promise<T>;
  /** The next caller reads anew. */
  forget(): void;
}

/** @param read by the call of whoever came first; when that one leaves, the next reads for itself */
export function sharedReading<T>(read: (call: Call) => Promise<T>): SharedReading<T> {
  let current: { readonly value: Promise<T>; readonly reader: AbortSignal } | undefined;

  function begun(call: Call) {
    const begun = { value: read(call), reader: call.signal };
    begun.value.catch(() => {
      if (current === begun) current = undefined;
    });
    current = begun;
    return begun;
  }

  return {
    async get(call) {
      for (;;) {
        const { value, reader } = current ?? begun(call);
        try {
          return await value;
        } catch (error) {
          if (reader === call.signal || !reader.aborted) throw error;
          call.signal.throwIfAborted();
        }
      }
    },
    forget() {
      current = undefined;
    },
  };
}
