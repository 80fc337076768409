/** Gathers when API keys were used, for who writes it down now and then. */

export interface ApiKeyUse {
  readonly id: string;
  readonly time: Date;
}

export interface LastUseOptions {
  /** Writes the latest uses of one organization's keys. */
  readonly write: (organizationId: string, uses: readonly ApiKeyUse[]) => Promise<void>;
  /** Hears why it could not be written; it is tried again with the next uses. Default: nobody does. */
  readonly onProblem?: (cause: unknown) => void;
}

export interface LastUse {
  /** Costs a call some nanoseconds. */
  used(organizationId: string, apiKeyId: string): void;
  /** Writes what is gathered, and gathers no more. */
  close(): Promise<void>;
}

/** A key's time of use is shown to the minute. */
const flushMs = 60_000;
/** Keys between two writings; what is above it is used again, or was not important. */
const maxKeys = 100_000;

interface Use {
  readonly organizationId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export function gatherLastUse({ write, onProblem = () => undefined }: LastUseOptions): LastUse {
  let gathered = new Map<string, Use>();
  let writing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void flush(), flushMs).unref();

  function flush(): Promise<void> {
    if (gathered.size === 0) return writing;
    const uses = gathered;
    gathered = new Map();
    writing = writing.then(() => writeAll(uses));
    return writing;
  }

  async function writeAll(uses: ReadonlyMap<string, Use>): Promise<void> {
    for (const [organizationId, ofOne] of Map.groupBy(uses, ([, use]) => use.organizationId)) {
      try {
        await write(
          organizationId,
          ofOne.map(([id, { time }]) => ({ id, time: new Date(time) })),
        );
      } catch (cause) {
        for (const [id, use] of ofOne) if (!gathered.has(id)) gathered.set(id, use);
        onProblem(cause);
      }
    }
  }

  return {
    used(organizationId, apiKeyId) {
      // The first use since the last writing tells the minute as well as a later one.
      if (!gathered.has(apiKeyId) && gathered.size < maxKeys) {
        gathered.set(apiKeyId, { organizationId, time: Date.now() });
      }
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
