/** NDJSON: a row on each line. */
import { batchBytes } from "../../../../rows/packed.ts";
import type { Decoder } from "../decoder.ts";
import { tooLarge, unreadable } from "../failures.ts";
import type { ExpectedRows } from "../format.ts";
import type { Pause, Window } from "../window.ts";
import { isSpace } from "./bytes.ts";
import { JsonRows, planJsonRows } from "./rows.ts";

const newline = 0x0a;

export function linesDecoder(expected: ExpectedRows): () => Decoder {
  const { resource } = expected;
  const plan = planJsonRows(expected);

  /** Where the line at the window's place ends; -1 when all lines have. */
  function* endOfLine(window: Window, rows: JsonRows): Generator<Pause, number> {
    for (let seen = 0; ; ) {
      const end = window.bytes.indexOf(newline, window.at + seen);
      if (end >= 0) return end;
      seen = window.bytes.length - window.at;
      if (window.ended) return seen === 0 ? -1 : window.bytes.length;
      if (seen > plan.maxRowBytes) throw tooLarge(resource, "a row", plan.maxRowBytes);
      rows.keepLast();
      yield "more";
    }
  }

  return () => {
    let rows: JsonRows | undefined;
    return {
      *decode(window, writer): Generator<Pause, undefined> {
        const lines = new JsonRows(plan, window, writer);
        rows = lines;
        for (;;) {
          const end = yield* endOfLine(window, lines);
          if (end < 0) break;
          skipSpace(window, end);
          if (window.at < end) {
            lines.next(end);
            skipSpace(window, end);
            if (window.at < end) throw unreadable(resource, "something follows a row on its line");
          }
          if (end < window.bytes.length) window.at = end + 1;
          if (writer.size >= batchBytes) yield "full";
        }
        lines.keepLast();
        lines.release();
      },
      value: () => undefined,
      last: (pointer) => rows?.last(pointer),
    };
  };
}

function skipSpace(window: Window, end: number): void {
  while (window.at < end && isSpace(window.bytes[window.at] as number)) window.at++;
}
