/** The canonical text of a value that came as text: in CSV, in XML, in a text of JSON, or as a number's digits. */
import type { HttpField } from "../format.ts";
import { decimalText, floatText, integerText, outOfRange } from "./number.ts";
import { dateText, epochText, instantText, intervalText, timestampText, timeText } from "./temporal.ts";

/** @returns undefined for what is none of the field's type and format */
export function canonicalText(field: HttpField, text: string): string | typeof outOfRange | undefined {
  switch (field.type) {
    case "bool":
      return boolTexts.get(text.toLowerCase());
    case "int32":
    case "int64":
    case "uint64":
      return integerText(text, field.type);
    case "float":
    case "double":
      return floatText(text, field.type);
    case "decimal":
      return decimalText(text);
    case "bytes":
      return field.format === "hex" ? hexText(text) : base64Text(text);
    case "date":
    case "timestamp":
    case "timestamp_tz":
      return isEpoch(field) ? sinceEpoch(field, text) : momentText(field, text);
    case "time":
      return timeText(text);
    case "interval":
      return intervalText(text);
    case "uuid":
      return uuidText(text);
    case "json":
      return jsonText(text);
    default:
      return text;
  }
}

export const isEpoch = ({ format }: HttpField) => format === "epoch_seconds" || format === "epoch_ms";

const boolTexts: ReadonlyMap<string, string> = new Map([
  ...([
    ["true", "t"],
    ["t", "t"],
    ["1", "t"],
  ] as const),
  ...([
    ["false", "f"],
    ["f", "f"],
    ["0", "f"],
  ] as const),
]);

function momentText(field: HttpField, text: string): string | undefined {
  if (field.type === "date") return dateText(text);
  return field.type === "timestamp" ? timestampText(text) : instantText(text, field.format === "utc");
}

function sinceEpoch(field: HttpField, text: string): string | typeof outOfRange | undefined {
  const plain = decimalText(text);
  if (plain === undefined || plain === outOfRange) return plain;
  const [matched, sign, whole = "", digits = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(plain) ?? [];
  if (matched === undefined) return undefined;
  const isMs = field.format === "epoch_ms";
  const seconds = isMs ? whole.slice(0, -3) : whole;
  const fraction = isMs ? whole.slice(-3).padStart(3, "0") + digits : digits;
  // No year that is written has more.
  const moment = seconds.length > 15 ? undefined : epochText(BigInt(seconds), fraction, sign === "-");
  if (moment === undefined) return outOfRange;
  if (field.type === "date") return moment.slice(0, 10);
  return field.type === "timestamp" ? moment : `${moment}+00`;
}

const uuidForm = /^([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})$/;

function uuidText(text: string): string | undefined {
  const parts = uuidForm.exec(text.toLowerCase());
  return parts === null ? undefined : parts.slice(1).join("-");
}

const hexText = (text: string) => (/^(?:[\da-f]{2})*$/i.test(text) ? `\\x${text.toLowerCase()}` : undefined);

function base64Text(text: string): string | undefined {
  const plain = text.replace(/[\r\n]/g, "").replace(/={1,2}$/, "");
  if (!/^[\w+/-]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  return `\\x${Buffer.from(plain, "base64").toString("hex")}`;
}

/** A text that is no JSON is a text of JSON. */
function jsonText(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
