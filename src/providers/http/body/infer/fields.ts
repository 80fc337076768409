/** Fields of a resource that nobody has declared, out of some of its rows. */
import { Failure } from "../../../../failure.ts";
import { textRows } from "../../../../rows/page.ts";
import { type HttpField, type RowFormat, wholeRow } from "../format.ts";
import { rowReader } from "../rows.ts";
import { Digits, typeOfAll } from "./kind.ts";

/** What is inferred from, and of what. */
export interface Sampled {
  /** The resource's name, for errors. */
  readonly resource: string;
  /** Any but `xml`, whose elements say nothing of what they may be. */
  readonly format: RowFormat;
  /** Default: 100. */
  readonly maxRows?: number;
}

/** Fields at most: what has more keys is a map, and its rows are better read whole. */
const maxFields = 1_000;
/** Bytes of rows after which no more are looked at. */
const maxBytes = 4 * 1024 * 1024;

/**
 * The fields of the first rows, in the order in which they come: the members of objects, the
 * columns of CSV, and a field `value` for rows of any other kind. Objects and arrays in them
 * are of type `json`, but for the attributes of JSON:API, which are fields of their own. The
 * type of a field is the narrowest that holds all its values; texts that are all dates, instants
 * or UUIDs are taken for such. Every field may be null: some rows do not show that one never is.
 *
 * Ends the body as soon as it has seen enough.
 *
 * @returns none when there are no rows
 * @throws Failure as `RowReading.batches`; `unsupported` for XML
 */
export async function inferFields(sampled: Sampled, body: AsyncIterable<Uint8Array>): Promise<readonly HttpField[]> {
  const { resource, format } = sampled;
  if (format.kind === "xml") {
    throw new Failure("unsupported", `The fields of \`${resource}\` can't be inferred from XML.`, {
      where: "connector",
      remedy: "Declare the resource's fields.",
    });
  }
  const columns = new Columns(format.kind === "csv");
  for (const row of await firstRows(sampled, body)) columns.add(row, format.kind === "json_api");
  return columns.fields();
}

async function firstRows(sampled: Sampled, body: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const { resource, format, maxRows = 100 } = sampled;
  const reading = rowReader({ resource, format, fields: [wholeRow] })(body);
  const rows: unknown[] = [];
  let bytes = 0;
  for await (const batch of reading.batches) {
    for (const [text] of textRows(batch, 1).slice(0, maxRows - rows.length)) rows.push(parsed(text ?? "null"));
    bytes += batch.size;
    if (rows.length >= maxRows || bytes >= maxBytes) break;
  }
  return rows;
}

/** Numbers keep their digits. */
function parsed(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" ? new Digits(context?.source ?? String(value)) : value,
  );
}

class Columns {
  readonly #isBare: boolean;
  readonly #values = new Map<string, { readonly name: string; readonly values: unknown[] }>();

  constructor(isBare: boolean) {
    this.#isBare = isBare;
  }

  add(row: unknown, isJsonApi: boolean): void {
    if (!isObject(row)) {
      this.#value("value", "", row);
      return;
    }
    for (const [name, value] of Object.entries(row)) {
      if (isJsonApi && name === "attributes" && isObject(value)) {
        for (const [within, inner] of Object.entries(value))
          this.#value(within, `/attributes/${escaped(within)}`, inner);
      } else {
        this.#value(name, `/${escaped(name)}`, value);
      }
    }
  }

  fields(): HttpField[] {
    const taken = new Set<string>();
    return [...this.#values].flatMap(([path, { name, values }]) => {
      const known = values.filter((value) => value !== null);
      const type = typeOfAll(known, this.#isBare);
      const field = {
        name,
        path,
        type,
        nullable: true,
        nativeType: [...new Set(known.map(kindOf))].sort().join(" | "),
      };
      if (taken.has(name)) return [];
      taken.add(name);
      return [field];
    });
  }

  #value(name: string, path: string, value: unknown): void {
    const known = this.#values.get(path);
    if (known !== undefined) known.values.push(value);
    else if (this.#values.size < maxFields) this.#values.set(path, { name, values: [value] });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Digits);

/** JSON Schema's words. */
function kindOf(value: unknown): string {
  if (value instanceof Digits) return /^-?\d+$/.test(value.text) ? "integer" : "number";
  return Array.isArray(value) ? "array" : typeof value;
}

const escaped = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");
