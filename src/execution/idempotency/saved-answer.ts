/** The answer of an action as bytes, for whoever asks again: its rows as a kept page has them. */
import type { ActionResult } from "../../providers/contract/action.ts";
import { decodePage, encodePage } from "../cache/encoded-page.ts";
import { keptPage, pageOf } from "../cache/kept-page.ts";

/** Changes with what is saved: no other format is read. */
export const format = 2;

/** Bytes of returned cells, or of what a named action answers, at most that are saved; more is refused. */
export const maxSavedBytes = 1_000_000;

const sizeBytes = 4;

/** What is saved in front of the rows, as JSON. */
type Head = Pick<ActionResult, "affectedRows" | "items" | "output">;

/** `size of the head, big-endian | head | page` */
export function encodeAnswer({ affectedRows, items, output, fields, batches }: ActionResult): Buffer {
  const head: Head = { affectedRows, ...(items && { items }), ...(output && { output }) };
  const json = Buffer.from(JSON.stringify(head));
  const size = Buffer.alloc(sizeBytes);
  size.writeUInt32BE(json.length);
  const page = { fields, batches, continuation: undefined, paging: "single", truncated: false } as const;
  const now = new Date();
  return Buffer.concat([size, json, encodePage(keptPage(page, now, now.getTime()))]);
}

/** Throws an Error when it is none. */
export function decodeAnswer(encoded: Uint8Array): ActionResult {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const end = sizeBytes + bytes.readUInt32BE();
  const head: Head = JSON.parse(bytes.toString("utf8", sizeBytes, end));
  const { fields, batches } = pageOf(decodePage(bytes.subarray(end)));
  return { ...head, fields, batches, statement: "" };
}
