/**
 * Time as this process had it. What is judged by it is the service and not the machine,
 * which runs other tests, too, and may stop a process or all of them for a while.
 *
 * A timer looks at the clock every few milliseconds. Where it comes late, and the thread
 * did not use the processor meanwhile, the machine kept it from running, and that time is
 * not counted. Where the thread was busy itself, it is: what blocks the event loop is the
 * service's own doing.
 */

/** Gives the milliseconds since it was started. */
export type Stopwatch = () => number;

const lookMs = 5;

/** What was looked at last, and all that was taken until then; milliseconds. */
interface Taken {
  atMs: number;
  cpuMs: number;
  takenMs: number;
}

let taken: Taken | undefined;

/** Starts one; `const took = stopwatch(); …; took()`. */
export function stopwatch(): Stopwatch {
  taken ??= beginLooking();
  const watched = taken;
  look(watched);
  const startMs = watched.atMs - watched.takenMs;
  return () => {
    look(watched);
    return watched.atMs - watched.takenMs - startMs;
  };
}

/** Looks for as long as the process lives, and does not keep it alive. */
function beginLooking(): Taken {
  const begun = { atMs: performance.now(), cpuMs: cpuMs(), takenMs: 0 };
  setInterval(() => look(begun), lookMs).unref();
  return begun;
}

function look(last: Taken): void {
  const [atMs, nowCpuMs] = [performance.now(), cpuMs()];
  const idleMs = atMs - last.atMs - (nowCpuMs - last.cpuMs);
  // To wait for the next look is what an idle thread does.
  last.takenMs += Math.max(0, idleMs - 2 * lookMs);
  last.atMs = atMs;
  last.cpuMs = nowCpuMs;
}

/** That this thread has used. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
