/** One JSON document, of which some array holds the rows. What else it holds is passed over as it comes. */
import { batchBytes, type PackedWriter } from "../../../../rows/packed.ts";
import type { Decoder } from "../decoder.ts";
import { rowsMissing, tooLarge, truncated, unreadable } from "../failures.ts";
import type { ExpectedRows } from "../format.ts";
import { pointerNames } from "../pointer.ts";
import type { Pause, Window } from "../window.ts";
import { closeBrace, closeBracket, colon, comma, isSpace, letterN, openBrace, openBracket, quote } from "./bytes.ts";
import { JsonRows, planJsonRows } from "./rows.ts";
import type { JsonScanner } from "./scan.ts";
import { unescaped } from "./unescape.ts";
import { endOfValue, skipSpace, skipValue } from "./value.ts";

/** A place in the document on the way to what is wanted. */
interface Place {
  /** The rows stand here. */
  isRows: boolean;
  /** The pointer of the scalar that is wanted from here. */
  pointer: string | undefined;
  readonly children: Map<string, Place>;
}

/** Keys, and scalars beside the rows, are no longer. */
const maxBesideBytes = 64 * 1024;

/**
 * @param path the pointer to the rows
 * @param absent whether it may lead to nothing; default: that is an error
 */
export function documentDecoder(expected: ExpectedRows, path: string, absent?: "none"): () => Decoder {
  const { resource } = expected;
  const plan = planJsonRows(expected);
  const root = placesOf(path, expected.beside ?? []);
  return () => {
    const values = new Map<string, string>();
    let rows: JsonRows | undefined;
    return {
      decode(window, writer) {
        rows = new JsonRows(plan, window, writer);
        return new DocumentReader(resource, { path, absent }, values, window, writer, rows).document(root);
      },
      value: (pointer) => values.get(pointer),
      last: (pointer) => rows?.last(pointer),
    };
  };
}

function placesOf(path: string, beside: readonly string[]): Place {
  const root = newPlace();
  placeAt(root, pointerNames(path)).isRows = true;
  for (const pointer of beside) placeAt(root, pointerNames(pointer)).pointer = pointer;
  return root;
}

function placeAt(root: Place, names: readonly string[]): Place {
  let place = root;
  for (const name of names) {
    const next = place.children.get(name) ?? newPlace();
    place.children.set(name, next);
    place = next;
  }
  return place;
}

const newPlace = (): Place => ({ isRows: false, pointer: undefined, children: new Map() });

/** Where the rows are, and whether they may be nowhere. */
interface RowPlace {
  readonly path: string;
  readonly absent: "none" | undefined;
}

class DocumentReader {
  readonly #resource: string;
  readonly #place: RowPlace;
  readonly #values: Map<string, string>;
  readonly #window: Window;
  readonly #writer: PackedWriter;
  readonly #rows: JsonRows;
  readonly #scanner: JsonScanner;
  /** The rows stood there. */
  #hasRows = false;
  /** The document is one that can hold rows. */
  #hasParts = false;

  constructor(
    resource: string,
    place: RowPlace,
    values: Map<string, string>,
    window: Window,
    writer: PackedWriter,
    rows: JsonRows,
  ) {
    this.#resource = resource;
    this.#place = place;
    this.#values = values;
    this.#window = window;
    this.#writer = writer;
    this.#rows = rows;
    this.#scanner = rows.scanner;
  }

  *document(root: Place): Generator<Pause, undefined> {
    yield* this.#value(root);
    if (yield* skipSpace(this.#window)) throw unreadable(this.#resource, "something follows its end");
    const { path, absent } = this.#place;
    if (!this.#hasRows && !(this.#hasParts && absent === "none")) throw rowsMissing(this.#resource, path);
    this.#rows.release();
  }

  /** Recurses as deep as pointers go, not as the document does. */
  *#value(place: Place): Generator<Pause, undefined> {
    const byte = yield* this.#byte();
    if (place.isRows) yield* this.#allRows(byte);
    else if (byte === openBrace && place.children.size > 0) yield* this.#object(place);
    else if (byte === openBracket && place.children.size > 0) yield* this.#array(place);
    else if (place.pointer === undefined || byte === openBrace || byte === openBracket) yield* this.#skip();
    else yield* this.#besideRows(place.pointer);
  }

  *#object(place: Place): Generator<Pause, undefined> {
    const window = this.#window;
    this.#hasParts = true;
    window.at++;
    if ((yield* this.#byte()) === closeBrace) {
      window.at++;
      return;
    }
    for (;;) {
      const child = place.children.get(yield* this.#key());
      if (child === undefined) yield* this.#skip();
      else yield* this.#value(child);
      if (yield* this.#endsAt(closeBrace)) return;
    }
  }

  *#array(place: Place): Generator<Pause, undefined> {
    const window = this.#window;
    this.#hasParts = true;
    window.at++;
    if ((yield* this.#byte()) === closeBracket) {
      window.at++;
      return;
    }
    for (let i = 0; ; i++) {
      const child = place.children.get(String(i));
      if (child === undefined) yield* this.#skip();
      else yield* this.#value(child);
      if (yield* this.#endsAt(closeBracket)) return;
    }
  }

  /** @param first the byte that the rows begin with */
  *#allRows(first: number): Generator<Pause, undefined> {
    if (this.#hasRows) throw unreadable(this.#resource, "it has its rows twice");
    this.#hasRows = true;
    if (first === openBracket) yield* this.#eachRow();
    else if (first === letterN) yield* this.#skip();
    else yield* this.#rows.whole();
    this.#rows.keepLast();
  }

  *#eachRow(): Generator<Pause, undefined> {
    const window = this.#window;
    const rows = this.#rows;
    window.at++;
    if ((yield* this.#byte()) === closeBracket) {
      window.at++;
      return;
    }
    for (;;) {
      if (!rows.next()) yield* rows.whole();
      if (this.#writer.size >= batchBytes) yield "full";
      // What mostly stands there needs no look for white space.
      const { bytes, at } = window;
      if (bytes[at] === comma && at + 1 < bytes.length && !isSpace(bytes[at + 1] as number)) {
        window.at = at + 1;
        continue;
      }
      rows.keepLast();
      if (yield* this.#endsAt(closeBracket)) return;
    }
  }

  *#besideRows(pointer: string): Generator<Pause, undefined> {
    const window = this.#window;
    const end = yield* this.#end("a value beside the rows");
    const { bytes, at } = window;
    if (bytes[at] === letterN) this.#values.delete(pointer);
    else if (bytes[at] === quote) this.#values.set(pointer, unescaped(bytes, at + 1, end - 1));
    else this.#values.set(pointer, bytes.toString("latin1", at, end));
    window.at = end;
  }

  /** A key, and its colon, up to the first byte of its value. */
  *#key(): Generator<Pause, string> {
    const window = this.#window;
    if ((yield* this.#byte()) !== quote) throw unreadable(this.#resource, "it is not JSON");
    const end = yield* this.#end("a name");
    const name = unescaped(window.bytes, window.at + 1, end - 1);
    window.at = end;
    if ((yield* this.#byte()) !== colon) throw unreadable(this.#resource, "it is not JSON");
    window.at++;
    yield* this.#byte();
    return name;
  }

  /** Goes on behind a comma to what follows it, or behind the end. */
  *#endsAt(close: number): Generator<Pause, boolean> {
    const byte = yield* this.#byte();
    if (byte !== close && byte !== comma) throw unreadable(this.#resource, "it is not JSON");
    this.#window.at++;
    if (byte === comma) yield* this.#byte();
    return byte === close;
  }

  /** The byte behind white space; the window's place is there. */
  *#byte(): Generator<Pause, number> {
    if (!(yield* skipSpace(this.#window))) throw truncated(this.#resource);
    return this.#window.bytes[this.#window.at] as number;
  }

  *#skip(): Generator<Pause, undefined> {
    yield* skipValue(this.#resource, this.#window, this.#scanner);
  }

  *#end(what: string): Generator<Pause, number> {
    const tooLong = () => tooLarge(this.#resource, what, maxBesideBytes);
    return yield* endOfValue(this.#resource, this.#window, this.#scanner, maxBesideBytes, tooLong);
  }
}
