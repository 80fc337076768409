/** The answer of an action as bytes, for whoever asks again: its rows as a kept page has them. */
import type { ActionResult } from "../../providers/contract/action.ts";
import { decodePage, encodePage } from "../cache/encoded-page.ts";
import { keptPage, pageOf } from "../cache/kept-page.ts";

/** Changes with what is saved: no other format is read. */
export const format = 1;

/** Bytes of returned cells at most that are saved; an action that would return more is refused. */
export const maxSavedBytes = 1_000_000;

const countBytes = 8;

export function encodeAnswer({ affectedRows, fields, batches }: ActionResult): Buffer {
  const count = Buffer.alloc(countBytes);
  count.writeDoubleBE(affectedRows);
  const page = { fields, batches, continuation: undefined, paging: "single", truncated: false } as const;
  const now = new Date();
  return Buffer.concat([count, encodePage(keptPage(page, now, now.getTime()))]);
}

/** Throws an Error when it is none. */
export function decodeAnswer(encoded: Uint8Array): ActionResult {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const { fields, batches } = pageOf(decodePage(bytes.subarray(countBytes)));
  return { affectedRows: bytes.readDoubleBE(), fields, batches, statement: "" };
}
