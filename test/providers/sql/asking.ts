/** Calls of a session, as the service makes them. */
import type { Call, NativeQuery, PageRequest, Session } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";

/** A call that has so many milliseconds. */
export function callFor(ms: number): Call {
  const signal = AbortSignal.timeout(ms);
  return { signal, deadline: performance.now() + ms, enter: () => {}, settling: () => {}, quota: () => {} };
}

export const native = (text: string): NativeQuery => ({ kind: "native", text, parameters: [] });

export const firstPage: PageRequest = { size: 1_000, continuation: undefined, maxBytes: 1_000_000 };

/** The rows of a statement's first page, as text. */
export async function rowsOf(session: Required<Session>, text: string, ms = 20_000): Promise<(string | null)[][]> {
  const { batches, fields } = await session.query(native(text), firstPage, callFor(ms));
  return batches.flatMap((batch) => textRows(batch, fields.length));
}
