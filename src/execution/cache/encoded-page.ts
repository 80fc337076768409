/**
 * A kept page as bytes:
 *
 *     4 bytes  size of the head, big-endian
 *           …  the head: JSON of everything but the batches' bytes
 *           …  the bytes of the batches, one after the other
 */
import type { KeptBatch, KeptPage } from "./kept-page.ts";

/** Changes with the layout and with what the head holds: no other format is read. */
export const format = 1;

const sizeBytes = 4;

interface Head extends Omit<KeptPage, "batches" | "readTime"> {
  /** Milliseconds since 1970. */
  readonly readTime: number;
  readonly batches: readonly (Omit<KeptBatch, "bytes"> & { readonly size: number })[];
}

export function encodePage({ batches, readTime, ...rest }: KeptPage): Buffer {
  const sized = batches.map(({ bytes, ...places }) => ({ ...places, size: bytes.length }));
  const head: Head = { ...rest, readTime: readTime.getTime(), batches: sized };
  const json = Buffer.from(JSON.stringify(head));
  const size = Buffer.alloc(sizeBytes);
  size.writeUInt32BE(json.length);
  return Buffer.concat([size, json, ...batches.map(({ bytes }) => bytes)]);
}

/** The page, whose batches are views of `encoded`. Throws an Error when it is none. */
export function decodePage(encoded: Buffer): KeptPage {
  let at = sizeBytes + encoded.readUInt32BE();
  const head: Head = JSON.parse(encoded.toString("utf8", sizeBytes, at));
  const batches = head.batches.map(({ size, ...places }) => {
    at += size;
    return { ...places, bytes: encoded.subarray(at - size, at) };
  });
  if (at !== encoded.length) throw new RangeError("the page has another size than its head says");
  // JSON leaves out what is undefined.
  return { ...head, continuation: head.continuation, readTime: new Date(head.readTime), batches };
}
