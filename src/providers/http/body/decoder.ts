/** What every format's decoder is. */
import type { PackedWriter } from "../../../rows/packed.ts";
import type { Pause, Window } from "./window.ts";

/** Reads one body. */
export interface Decoder {
  /**
   * Packs the rows of what is in the window, pausing where it needs more of the body, or
   * where a batch is full; ends behind the body.
   *
   * @throws Failure as `RowReading.batches`; the rows before are packed, and that one is not ended.
   */
  decode(window: Window, writer: PackedWriter): Iterator<Pause, undefined>;
  /** As `RowReading.value` and `RowReading.last`. */
  value(pointer: string): string | undefined;
  last(path: string): string | undefined;
}
