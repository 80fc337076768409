import type { Cell } from "./scalar.ts";

/**
 * Reads an array in PostgreSQL's text form: `{1,NULL,"a b"}`, nested braces for more
 * dimensions, `[0:2]={1,2,3}` for unusual bounds (which are dropped).
 *
 * Source: PostgreSQL, "Array Input and Output Syntax". Throws a SyntaxError when the
 * text is not such an array.
 */
export function parseArray(text: string, delimiter: string, element: (text: string) => Cell): Cell[] {
  const start = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const reader = new ArrayReader(text, start, delimiter, element);
  return reader.array();
}

class ArrayReader {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #element: (text: string) => Cell;
  #at: number;

  constructor(text: string, start: number, delimiter: string, element: (text: string) => Cell) {
    this.#text = text;
    this.#at = start;
    this.#delimiter = delimiter;
    this.#element = element;
  }

  array(): Cell[] {
    this.#expect("{");
    const cells: Cell[] = [];
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return cells;
    }
    for (;;) {
      cells.push(this.#cell());
      const next = this.#text[this.#at++];
      if (next === "}") return cells;
      if (next !== this.#delimiter) throw this.#malformed();
    }
  }

  #cell(): Cell {
    const first = this.#text[this.#at];
    if (first === "{") return this.array();
    if (first === '"') return this.#element(this.#quoted());
    const word = this.#word();
    // Only without quotes is it the null and not the word.
    return word === "NULL" ? null : this.#element(word);
  }

  #word(): string {
    const start = this.#at;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw this.#malformed();
      if (char === this.#delimiter || char === "}") return this.#text.slice(start, this.#at);
      this.#at++;
    }
  }

  #quoted(): string {
    let value = "";
    let from = ++this.#at;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw this.#malformed();
      if (char === '"' || char === "\\") {
        value += this.#text.slice(from, this.#at);
        this.#at++;
        if (char === '"') return value;
        // The escaped character itself begins the next run.
        from = this.#at;
      }
      this.#at++;
    }
  }

  #expect(char: string): void {
    if (this.#text[this.#at++] !== char) throw this.#malformed();
  }

  #malformed(): SyntaxError {
    return new SyntaxError(`An array's text is malformed at character ${this.#at}.`);
  }
}
