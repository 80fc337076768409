/** What is printed: a section for each capability, with what was done, how long it took and a tick, and a summary. */
import { ConnectorError } from "../../src/client/index.ts";
import { count, time } from "../../src/demo/figures.ts";
import type { Terminal } from "../../src/demo/terminal.ts";

/** Does one thing, and prints what it was with its latency; what it gives, when all is well. */
export type Did = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;

/** One capability of the system. */
export interface Section<Stage> {
  readonly title: string;
  run(stage: Stage, did: Did): Promise<void>;
}

/** Thrown by a section that can't be shown here, with the reason. */
export class LeftOut extends Error {}

/** @throws Error when it is not so */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** The call must fail with this reason; gives its error. */
export async function refused(reason: string, call: Promise<unknown>): Promise<ConnectorError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectorError.from(thrown),
  );
  if (error === undefined) throw new Error(`It was answered, and should have been refused with ${reason}.`);
  if (error.reason !== reason) throw error;
  return error;
}

interface Outcome {
  readonly title: string;
  readonly mark: "good" | "bad" | "none";
  readonly calls: number;
  readonly ms: number;
}

/**
 * Runs the sections in their order. One that fails ends none of the others.
 *
 * @param signal Ends the run before the next step. Default: nothing does
 * @throws the signal's reason, once it is aborted
 */
export async function runSections<Stage>(
  terminal: Terminal,
  stage: Stage,
  sections: readonly Section<Stage>[],
  signal?: AbortSignal,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, { title, run }] of sections.entries()) {
    signal?.throwIfAborted();
    terminal.heading(`${index + 1}  ${title}`);
    let calls = 0;
    let ms = 0;
    const did: Did = async (what, work) => {
      signal?.throwIfAborted();
      const start = performance.now();
      const result = await work();
      const took = performance.now() - start;
      calls++;
      ms += took;
      terminal.marked("good", what, time(took));
      return result;
    };
    const mark = await run(stage, did).then(
      () => "good" as const,
      (error: unknown) => {
        // What fails then fails because of it.
        signal?.throwIfAborted();
        return sayWhy(terminal, error);
      },
    );
    outcomes.push({ title, mark, calls, ms });
  }
  signal?.throwIfAborted();
  return outcomes;
}

function sayWhy(terminal: Terminal, error: unknown): Outcome["mark"] {
  if (error instanceof LeftOut) {
    terminal.marked("none", `Left out: ${error.message}`);
    return "none";
  }
  const { message } = error as Error;
  const more = error instanceof ConnectorError ? ` ${error.reason ?? ""} ${error.remedy}` : "";
  terminal.marked("bad", `${message}${more}`.trim());
  return "bad";
}

/** @returns whether nothing has failed */
export function summarize(terminal: Terminal, outcomes: readonly Outcome[]): boolean {
  const signs = { good: "✓", bad: "✗", none: "·" };
  terminal.heading("Summary");
  terminal.table(
    [{ title: "" }, { title: "capability" }, { title: "steps", right: true }, { title: "took", right: true }],
    outcomes.map(({ title, mark, calls, ms }) => [signs[mark], title, count(calls), time(ms)]),
  );
  const of = (mark: Outcome["mark"]) => outcomes.filter((outcome) => outcome.mark === mark).length;
  terminal.line();
  terminal.marked(
    of("bad") === 0 ? "good" : "bad",
    `${of("good")} capabilities work, ${of("bad")} do not, ${of("none")} were left out.`,
  );
  return of("bad") === 0;
}
