/** The narrowest type that all values of a field have. */
import { floatText, integerText } from "../cell/number.ts";
import { canonicalText } from "../cell/text.ts";
import type { HttpFieldType } from "../format.ts";

/** A number of a sample, by the digits that were sent. */
export class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** So many digits of any decimal come back from a number of double precision. */
const doubleDigits = 15;

/** From narrow to wide: the first that holds every text. */
const typesOfTexts = ["uuid", "timestamp_tz", "timestamp", "date"] as const satisfies HttpFieldType[];
const typesOfBareTexts = ["bool", "int64", "uint64", "double", "decimal"] as const satisfies HttpFieldType[];

/**
 * @param values none of them null
 * @param isBare whether texts may be numbers and booleans, as in CSV, where all values are texts
 */
export function typeOfAll(values: readonly unknown[], isBare: boolean): HttpFieldType {
  // Nothing is known, and any value fits.
  if (values.length === 0) return "json";
  if (values.every((value) => typeof value === "boolean")) return "bool";
  if (values.every((value) => value instanceof Digits)) return typeOfNumbers(values.map(({ text }) => text));
  if (values.some((value) => typeof value === "object" && !(value instanceof Digits))) return "json";
  const texts = values.filter((value) => typeof value === "string");
  // A string takes numbers and booleans, too.
  return texts.length < values.length ? "string" : typeOfTexts(texts, isBare);
}

function typeOfTexts(texts: readonly string[], isBare: boolean): HttpFieldType {
  const types = isBare ? [...typesOfBareTexts, ...typesOfTexts] : typesOfTexts;
  return types.find((type) => texts.every((text) => isOfType(text, type))) ?? "string";
}

function isOfType(text: string, type: HttpFieldType): boolean {
  if (type === "bool") return text === "true" || text === "false";
  if (type === "double") return isExactDouble(text);
  // What has zeros in front of it is a number only by its looks.
  if (type === "int64" || type === "uint64" || type === "decimal") {
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) || (type !== "decimal" && text.includes("."))) return false;
  }
  if (type === "uuid" && text.length !== 36) return false;
  const field = { ...{ name: "", path: "", nativeType: "", nullable: true }, type };
  return typeof canonicalText(field, text) === "string";
}

function typeOfNumbers(texts: readonly string[]): HttpFieldType {
  const fits = (type: "int64" | "uint64") => (text: string) =>
    /^-?\d+$/.test(text) && typeof integerText(text, type) === "string";
  if (texts.every(fits("int64"))) return "int64";
  if (texts.every(fits("uint64"))) return "uint64";
  return texts.every(isExactDouble) ? "double" : "decimal";
}

/** A double holds every digit. */
function isExactDouble(text: string): boolean {
  const digits = text.replace(/[eE].*$/, "").replace(/^-?0*\.?0*|\D/g, "");
  return (
    /^-?(?:0|[1-9]\d*)(?:[.eE]|$)/.test(text) &&
    digits.length <= doubleDigits &&
    typeof floatText(text, "double") === "string"
  );
}
