/** From a document's text to what a connector can be asked for, without holding up anybody else. */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { LRUCache } from "lru-cache";
import { Failure } from "../../../failure.ts";
import type { ApiDescription, DescriptionOptions } from "./description.ts";
import { createTurns } from "./turns.ts";
import type { Told, Work } from "./worker.ts";

/** Larger documents are refused; the largest that is known, GitHub's, has 14 MB. */
export const maxDocumentBytes = 20_000_000;
/** Milliseconds for one document: GitHub's takes about a second, on a busy machine several times as long. */
const readTimeout = 15_000;
/** Milliseconds more, to say whether it follows OpenAPI to the letter: that is of little use, and can take much longer. */
const notesTimeout = 3_000;
/** Up to so many bytes a document is a small one, as most are: it does not wait for large ones. */
const smallBytes = 1_000_000;
/** YAML takes some hundred times its text's size. */
const memoryMegabytes = { small: 512, large: 1_024 } as const;

type Reading = { readonly description: ApiDescription } | { readonly refused: string };

/**
 * What was read last, by the text's hash: sessions come and go, and a document that can't be
 * used is not to be read again and again.
 */
const remembered = new LRUCache<string, Reading>({ max: 50, maxSize: 128 * 2 ** 20, sizeCalculation: sizeOf });
/** One of each at once: a large document takes a core and some hundred megabytes. */
const turns = { small: createTurns(), large: createTurns() } as const;

/**
 * Reads an OpenAPI document, JSON or YAML, of version 3.0 or 3.1 (later ones as far as they
 * are alike), on another thread.
 *
 * @param tenant Who wants it: tenants take turns.
 * @throws Failure `configuration_rejected`, final, with what is wrong with the document and none
 *   of its text; the signal's reason
 */
export async function describeApi(
  text: string,
  options: DescriptionOptions,
  tenant: string,
  signal: AbortSignal,
): Promise<ApiDescription> {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxDocumentBytes) throw unusable(`It has more than ${maxDocumentBytes} bytes.`);
  const key = createHash("sha256").update(JSON.stringify(options)).update("\0").update(text).digest("base64");
  const size = bytes <= smallBytes ? "small" : "large";
  const read = async () => remembered.get(key) ?? readElsewhere({ text, options }, memoryMegabytes[size], signal);
  const reading = remembered.get(key) ?? (await turns[size].take(tenant, signal, read));
  signal.throwIfAborted();
  remembered.set(key, reading);
  if ("refused" in reading) throw unusable(reading.refused);
  return reading.description;
}

function unusable(why: string): Failure {
  return new Failure("configuration_rejected", `The OpenAPI document can't be used. ${why}`, {
    where: "connector",
    remedy: "Give a valid OpenAPI 3.0 or 3.1 document, or declare the resources themselves.",
    final: true,
  });
}

/** Whoever waits for a call that has ended gives up; nothing of the document is known then. */
async function readElsewhere(work: Work, maxOldGenerationSizeMb: number, signal: AbortSignal): Promise<Reading> {
  signal.throwIfAborted();
  const file = new URL(import.meta.url.replace(/reading(?=\.[jt]s$)/, "worker"));
  const worker = new Worker(file, { workerData: work, resourceLimits: { maxOldGenerationSizeMb } });
  const { promise, resolve, reject } = Promise.withResolvers<Reading>();
  let description: ApiDescription | undefined;
  const end = (notes: readonly string[] = []) => {
    if (description === undefined) return resolve({ refused: "It takes too long, or too much memory, to be read." });
    resolve({ description: { ...description, notes: [...description.notes, ...notes] } });
  };
  let timer = setTimeout(end, readTimeout);
  worker.on("message", (told: Told) => {
    if ("refused" in told) return resolve(told);
    if (told.done) return end(told.notes);
    description = told.description;
    clearTimeout(timer);
    timer = setTimeout(end, notesTimeout);
  });
  const giveUp = () => reject(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  worker.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_WORKER_OUT_OF_MEMORY" || error instanceof RangeError) end();
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    await worker.terminate();
  }
}

/** Bytes of memory for each character of it as JSON, about. */
const bytesEach = 3;

/** About the bytes that it takes. */
function sizeOf(reading: Reading): number {
  return 1_000 + ("refused" in reading ? 0 : reading.description.size * bytesEach);
}
