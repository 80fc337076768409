/** Many calls of one case, and what each of them costs this process. */

/** What a turn took, for each call. */
export interface Cost {
  /** Microseconds of CPU, in user and system, of all threads of the process. */
  readonly cpuUs: number;
  readonly wallUs: number;
}

export interface Worker {
  /** Makes the call of this number, and says how many rows it read. */
  read(number: number): Promise<number>;
  /** Does what was put off. */
  settle(): Promise<void>;
}

export async function turn(
  { calls, concurrency }: { readonly calls: number; readonly concurrency: number },
  { read, settle }: Worker,
): Promise<{ readonly rows: number; readonly cost: Cost }> {
  const numbers = Array.from({ length: calls }, (_, number) => number).values();
  let rows = 0;
  const lane = async () => {
    for (const number of numbers) {
      const more = await read(number);
      rows += more;
    }
  };
  const start = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: concurrency }, lane));
  await settle();
  const { user, system } = process.cpuUsage(before);
  const wallUs = ((performance.now() - start) * 1_000) / calls;
  return { rows, cost: { cpuUs: (user + system) / calls, wallUs } };
}
