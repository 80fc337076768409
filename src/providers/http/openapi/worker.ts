/**
 * Reads one document on a thread of its own, which can be ended when it takes too long, and
 * whose globals are nobody else's.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { DescriptionOptions } from "./description.ts";
import { resourcesOf } from "./resources.ts";
import { readText } from "./text.ts";
import { Unusable } from "./tree.ts";
import { strictnessNotes } from "./validity.ts";

export interface Work {
  readonly text: string;
  readonly options: DescriptionOptions;
}

const { text, options } = workerData as Work;
try {
  const document = readText(text);
  const description = resourcesOf(document, options);
  // The validator changes what it looks at.
  const notes = [...description.notes, ...(await strictnessNotes(document))];
  parentPort?.postMessage({ description: { ...description, notes } });
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  parentPort?.postMessage({ refused: error.message });
}
