/** Values of the contract as the source takes them: as text in a URL or a form, and as JSON in a body. */
import { instantInUtc } from "../query/temporal.ts";
import type { FieldFormat, HttpFieldType } from "./body/format.ts";
import type { Json, Spelling } from "./declaration.ts";

/** JSON, in which numbers may have more digits than JavaScript's. */
export type WrittenJson = Json | RawJson | readonly WrittenJson[] | { readonly [name: string]: WrittenJson };

/** A text that stands in JSON as it is. */
export interface RawJson {
  readonly rawJSON: string;
}

/** ECMAScript's own, which TypeScript does not know yet. */
const { rawJSON: rawJson, parse } = JSON as unknown as {
  rawJSON(text: string): RawJson;
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
};

/** A document whose numbers keep their digits. */
const documentOf = (text: string) =>
  parse(text, (_, value, { source }) => (typeof value === "number" ? rawJson(source ?? String(value)) : value));

/** A value's type, as far as it says how the value is written. */
interface Written {
  readonly type: HttpFieldType;
  readonly format?: FieldFormat | undefined;
}

/** An operand, in the canonical text of its type, as a parameter has it. */
export function spelled(text: string, { type }: Written, spelling: Spelling): string {
  if (type === "bool") return text === "t" ? spelling.true : spelling.false;
  if (type === "timestamp" || type === "timestamp_tz" || (type === "date" && spelling.time !== "rfc3339")) {
    return spelling.time === "rfc3339" ? rfc3339(text, type) : epoch(text, spelling.time);
  }
  // Of a decimal also `1.` and `+1` are the contract's, and few others'.
  return type === "int32" || type === "int64" || type === "uint64" ? String(BigInt(text)) : text;
}

/** An operand, in the canonical text of its type, as a JSON body has it. */
export function jsonOf(text: string, { type, format }: Written): WrittenJson {
  switch (type) {
    case "bool":
      return text === "t";
    case "int32":
    case "int64":
    case "uint64":
      return rawJson(String(BigInt(text)));
    case "float":
    case "double":
    case "decimal":
      return numberOf(text);
    case "json":
      return documentOf(text) as WrittenJson;
    case "bytes":
      return format === "hex" ? text.slice(2) : Buffer.from(text.slice(2), "hex").toString("base64");
    case "date":
    case "timestamp":
    case "timestamp_tz":
      if (format === "epoch_seconds" || format === "epoch_ms") return rawJson(epoch(text, format));
      return type === "date" ? text : rfc3339(text, type);
    default:
      return text;
  }
}

/** JSON has no infinities, and no NaN: they go as texts. */
function numberOf(text: string): WrittenJson {
  const [, sign = "", whole = "", fraction = "", exponent = ""] =
    /^([+-]?)(\d*)(?:\.(\d*))?(e[+-]?\d+)?$/i.exec(text) ?? [];
  if (whole + fraction === "") return text;
  const digits = whole.replace(/^0+(?=\d)/, "") || "0";
  return rawJson(`${sign === "-" ? "-" : ""}${digits}${fraction === "" ? "" : `.${fraction}`}${exponent}`);
}

/** With `T`, seconds, and `Z` where it is an instant. */
function rfc3339(text: string, type: HttpFieldType): string {
  const [date = "", time = "00:00:00"] = utcOf(text).split(" ");
  const clock = /^\d\d:\d\d$/.test(time) ? `${time}:00` : time;
  return `${date}T${clock}${type === "timestamp_tz" ? "Z" : ""}`;
}

const utcOf = (text: string) => instantInUtc(text) || text.replace("T", " ");

/** Whole units when it has no part of one. */
function epoch(text: string, unit: "epoch_seconds" | "epoch_ms"): string {
  const [clock = "", fraction = ""] = utcOf(text).split(".");
  const [date = "", time = "00:00:00"] = clock.split(" ");
  const seconds = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`) / 1_000;
  const micros = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
  const perUnit = unit === "epoch_seconds" ? 1_000_000n : 1_000n;
  const part = micros % perUnit;
  if (part === 0n) return String(micros / perUnit);
  const sign = micros < 0n ? "-" : "";
  const size = micros < 0n ? -micros : micros;
  const digits = String(size % perUnit).padStart(unit === "epoch_seconds" ? 6 : 3, "0");
  return `${sign}${size / perUnit}.${digits.replace(/0+$/, "")}`;
}
