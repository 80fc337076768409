/**
 * Reads one document on a thread of its own, which can be ended when it takes too long, and
 * whose globals are nobody else's.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { ApiDescription, DescriptionOptions } from "./description.ts";
import { resourcesOf } from "./resources.ts";
import { readText } from "./text.ts";
import { Unusable } from "./tree.ts";

export interface Work {
  readonly text: string;
  readonly options: DescriptionOptions;
}

/** What is known so far; the last one is `done`. */
export type Told =
  | { readonly description: ApiDescription; readonly done: false }
  | { readonly notes: readonly string[]; readonly done: true }
  | { readonly refused: string; readonly done: true };

const tell = (told: Told) => parentPort?.postMessage(told);

const { text, options } = workerData as Work;
try {
  const document = readText(text);
  tell({ description: resourcesOf(document, options), done: false });
  // The validator takes long to load, changes what it looks at, and may take much longer than all else.
  const { strictnessNotes } = await import("./validity.ts");
  tell({ notes: await strictnessNotes(document), done: true });
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  tell({ refused: error.message, done: true });
}
