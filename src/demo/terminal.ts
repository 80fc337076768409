/** What the demo prints: at most 100 columns, with colours and a live line only where they can be shown. */
import { stripVTControlCharacters, styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** How a thing that was looked at turned out. */
export type Mark = "good" | "fair" | "bad" | "none";

export interface Terminal {
  /** Text in a style, or as it is where there are no colours. */
  style(style: Style, text: string): string;
  line(text?: string): void;
  /** What the demo is about to do. */
  heading(text: string): void;
  /** The call that a reader would write. */
  code(text: string): void;
  /** Words beside the matter. */
  note(text: string): void;
  /** A sentence about how something turned out; `label` stands in a column of its own. */
  marked(mark: Mark, text: string, label?: string): void;
  /** Rows under their headings; a column of numbers is aligned to the right. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void;
  progress(): Progress;
}

interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** A line that goes on changing; where lines can't change, four lines. */
interface Progress {
  /** @param share of the whole that is done, from 0 to 1 */
  show(share: number, text: () => string): void;
}

const width = 100;
const indent = "   ";
const labelWidth = 14;
/** Milliseconds between two states of a live line. */
const frameMs = 80;

const marks = {
  good: ["green", "✓"],
  fair: ["yellow", "!"],
  bad: ["red", "✗"],
  none: ["dim", "·"],
} as const satisfies Record<Mark, readonly [Style, string]>;

type Environment = Readonly<Record<string, string | undefined>>;

export function createTerminal(stream: NodeJS.WriteStream, environment: Environment): Terminal {
  const live = stream.isTTY === true && !environment.CI && environment.TERM !== "dumb";
  /** Whether the cursor stands behind a live line. */
  let pending = false;
  const write = (text: string) => {
    stream.write(pending ? `\r\x1b[2K${text}` : text);
    pending = false;
  };
  // Knows NO_COLOR, and a stream that is no terminal.
  const style = (format: Style, text: string) => styleText(format, text, { stream });
  const line = (text = "") => write(text === "" ? "\n" : `${indent}${text}\n`);
  const lines = (text: string, format: Style) => {
    for (const part of wrap(text, width - indent.length)) line(style(format, part));
  };

  return {
    style,
    line,
    heading: (text) => write(`\n${style("bold", text)}\n`),
    code(text) {
      for (const [index, part] of wrap(text, width - indent.length - 2).entries()) {
        line(style("cyan", `${index === 0 ? "›" : " "} ${part}`));
      }
    },
    note: (text) => lines(text, "dim"),
    marked(mark, text, label) {
      const [format, sign] = marks[mark];
      const lead = label === undefined ? "" : label.padEnd(labelWidth);
      const [first = "", ...rest] = wrap(text, width - indent.length - lead.length - 2);
      line(`${style(format, sign)} ${lead}${first}`);
      for (const part of rest) line(" ".repeat(lead.length + 2) + part);
    },
    table(columns, rows) {
      for (const [index, text] of laidOut(columns, rows).map(fitted).entries()) {
        line(index === 0 ? style("dim", text) : text);
      }
    },
    progress() {
      let shown = Number.NEGATIVE_INFINITY;
      return {
        show(share, text) {
          if (live) {
            if (performance.now() - shown < frameMs && share < 1) return;
            shown = performance.now();
            write(`${indent}${bar(share)} ${text()}`);
            pending = true;
            if (share >= 1) {
              stream.write("\n");
              pending = false;
            }
          } else {
            const quarter = Math.floor(share * 4);
            if (quarter < 1 || quarter <= shown) return;
            shown = quarter;
            line(`${String(quarter * 25).padStart(3)} % ${text()}`);
          }
        },
      };
    },
  };
}

/** Lines of at most so many characters, broken between words. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    const [first = "", ...words] = paragraph.split(/(?<=\S) +/);
    let current = first;
    for (const word of words) {
      if (current.length + 1 + word.length > columns) {
        lines.push(current);
        current = word;
      } else {
        current += ` ${word}`;
      }
    }
    lines.push(current);
  }
  return lines;
}

function laidOut(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => sizeOf(row[index] ?? ""))));
  return [titles, ...rows].map((row) =>
    columns
      .map(({ right }, index) => {
        const cell = row[index] ?? "";
        const space = " ".repeat((widths[index] ?? 0) - sizeOf(cell));
        return right ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** A line that is cut where the terminal ends. Its text has no colours. */
function fitted(text: string): string {
  const characters = [...text];
  const most = width - indent.length;
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}

/** Characters, without those that only colour. */
function sizeOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

function bar(share: number): string {
  const cells = 24;
  const full = Math.round(Math.min(share, 1) * cells);
  return "━".repeat(full) + "─".repeat(cells - full);
}
