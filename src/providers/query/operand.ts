/** Operands of a request, checked against the type they are compared with before anything is sent. */
import { type Failure, invalidRequest } from "../../failure.ts";
import type { FieldType } from "../../rows/field.ts";
import type { Operand } from "../contract.ts";
import { digitsOf } from "./decimal.ts";
import { didYouMean, nearest } from "./nearest.ts";
import { isDate, isInstant, isInterval, isLongTime, isTime, isTimestamp, isTimeWithOffset } from "./temporal.ts";
import type { ValueType } from "./value-type.ts";

const int32: readonly [bigint, bigint] = [-(2n ** 31n), 2n ** 31n - 1n];
const int64: readonly [bigint, bigint] = [-(2n ** 63n), 2n ** 63n - 1n];
const uint64: readonly [bigint, bigint] = [0n, 2n ** 64n - 1n];

const decimalForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?$/;
const notFinite = /^(?:NaN|[+-]?Infinity)$/i;
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How to describe a good operand, and the text of one; undefined when it is none. */
interface Rule {
  expects(type: ValueType): string;
  encode(operand: Operand, type: ValueType): string | undefined;
}

/**
 * The operand as the text that a parameter carries, in the canonical form of the
 * type.
 *
 * @param path the operand's own path in the request
 * @throws Failure `invalid_request` that says what was given, by kind and never by
 *   value, and what is expected
 */
export function encodeOperand(operand: Operand, type: ValueType, path: string): string {
  if (operand.kind === "null") {
    throw invalidRequest({ field: path, description: "Null compares with nothing; use the operator IS_NULL." });
  }
  if (operand.kind === "text") refuseUnstorable(operand.value, path, type);
  const rule = rules[type.type];
  const text = rule.encode(operand, type);
  if (text === undefined) throw unfit(operand, type, rule.expects(type), path);
  return text;
}

/** @throws Failure `invalid_request` for text that the source can't hold as it is */
export function refuseUnstorable(text: string, path: string, { holdsNul }: Pick<ValueType, "holdsNul"> = {}): void {
  if (text.includes("\0") && !holdsNul) {
    throw invalidRequest({ field: path, description: "The text holds a NUL character, which the source can't hold." });
  }
  if (!text.isWellFormed()) {
    throw invalidRequest({ field: path, description: "The text is not well-formed Unicode." });
  }
}

function unfit(operand: Operand, type: ValueType, expected: string, path: string): Failure {
  const labels = type.type === "enum" && operand.kind === "text" ? type.enumLabels : undefined;
  const hint = labels === undefined ? "" : didYouMean(nearest((operand as { value: string }).value, labels));
  return invalidRequest({
    field: path,
    description: `The field's type is ${type.nativeType}, which takes ${expected}; ${given(operand)} was given.${hint}`,
  });
}

function given(operand: Operand): string {
  switch (operand.kind) {
    case "bool":
      return "a boolean";
    case "integer":
      return "an integer";
    case "double":
      return Number.isInteger(operand.value) ? "a number" : "a number that is no integer";
    case "bytes":
      return "bytes";
    default:
      return "a text";
  }
}

/** A rule for texts of one form. */
function textual(
  expects: string | ((type: ValueType) => string),
  accepts: (text: string, type: ValueType) => boolean,
): Rule {
  return {
    expects: typeof expects === "string" ? () => expects : expects,
    encode: (operand, type) => (operand.kind === "text" && accepts(operand.value, type) ? operand.value : undefined),
  };
}

function integer(widest: readonly [bigint, bigint]): Rule {
  const rangeOf = (type: ValueType) => type.range ?? widest;
  return {
    expects: (type) => `an integer from ${rangeOf(type)[0]} to ${rangeOf(type)[1]}`,
    encode(operand, type) {
      const value = integerOf(operand);
      const [least, greatest] = rangeOf(type);
      return value !== undefined && value >= least && value <= greatest ? String(value) : undefined;
    },
  };
}

function integerOf(operand: Operand): bigint | undefined {
  if (operand.kind === "integer") return operand.value;
  if (operand.kind === "double" && Number.isSafeInteger(operand.value)) return BigInt(operand.value);
  // The length is capped before BigInt, whose time grows with its square.
  if (operand.kind === "text" && /^[+-]?\d{1,40}$/.test(operand.value)) return BigInt(operand.value.replace("+", ""));
  return undefined;
}

/** Numbers that are neither zero nor infinite must not become so: databases refuse them. */
function float(name: string, round: (value: number) => number): Rule {
  return {
    expects: () => `a number within ${name} precision's range, or a text of one`,
    encode(operand, type) {
      const text = numberText(operand, type);
      if (text === undefined || notFinite.test(text)) return text;
      const rounded = round(Number(text));
      const vanishes = rounded === 0 && /[1-9]/.test(text.split(/e/i, 1)[0] as string);
      return Number.isFinite(rounded) && !vanishes ? text : undefined;
    },
  };
}

function numberText(operand: Operand, { finite }: ValueType): string | undefined {
  const isNumber = operand.kind === "integer" || operand.kind === "double";
  const text = isNumber ? String(operand.value) : operand.kind === "text" ? operand.value : "";
  return decimalForm.test(text) || (!finite && notFinite.test(text)) ? text : undefined;
}

const decimal: Rule = {
  expects: ({ digits }) =>
    digits === undefined
      ? "a number or a text of one, such as `-12.340`"
      : `a number or a text of one, with at most ${digits.total} digits, ${digits.fraction} of them behind the point`,
  encode(operand, type) {
    const text = numberText(operand, type);
    if (text === undefined || text.length > 100_000) return undefined;
    const exponent = Math.abs(Number(text.split(/e/i)[1] ?? 0));
    if (exponent > 10_000 || type.digits === undefined) return exponent > 10_000 ? undefined : text;
    const { whole, fraction } = digitsOf(text);
    const fits = whole.length + fraction.length <= type.digits.total && fraction.length <= type.digits.fraction;
    return fits ? text : undefined;
  },
};

const bool: Rule = {
  expects: () => "true or false",
  encode(operand) {
    if (operand.kind === "bool") return operand.value ? "t" : "f";
    if (operand.kind !== "text") return undefined;
    return { t: "t", true: "t", f: "f", false: "f" }[operand.value];
  },
};

const bytes: Rule = {
  expects: () => "bytes, or a text of `\\x` and hexadecimal digits",
  encode(operand) {
    if (operand.kind === "bytes") return `\\x${Buffer.from(operand.value).toString("hex")}`;
    return operand.kind === "text" && /^\\x(?:[0-9a-f]{2})*$/i.test(operand.value) ? operand.value : undefined;
  },
};

const json: Rule = {
  expects: () => "a text that is a JSON document, a number or a boolean",
  encode(operand) {
    if (operand.kind === "bool" || operand.kind === "integer") return String(operand.value);
    if (operand.kind === "double") return Number.isFinite(operand.value) ? String(operand.value) : undefined;
    if (operand.kind !== "text") return undefined;
    try {
      JSON.parse(operand.value);
      return operand.value;
    } catch {
      return undefined;
    }
  },
};

const enumeration: Rule = {
  expects: (type) =>
    type.enumLabels === undefined ? "a text that is one of its labels" : `one of its ${type.enumLabels.length} labels`,
  encode: (operand, type) =>
    operand.kind === "text" && type.enumLabels?.includes(operand.value) !== false ? operand.value : undefined,
};

/** By what it is cast to: a domain's native type is its own name. */
const hasOffset = (type: ValueType) => /with time zone|timetz/.test(type.castType ?? "");

function timeExpected(type: ValueType): string {
  if (type.form !== undefined) return type.form.expects;
  if (type.hours !== undefined) return `a text such as \`13:45:00.000001\`, of ${type.hours} hours at most`;
  return hasOffset(type)
    ? "a text such as `13:45:00.000001+02`"
    : "a text such as `13:45:00.000001`, without an offset";
}

const rules: Record<FieldType, Rule> = {
  bool,
  int32: integer(int32),
  int64: integer(int64),
  uint64: integer(uint64),
  float: float("single", Math.fround),
  double: float("double", Number),
  decimal,
  string: textual("a text", () => true),
  bytes,
  date: textual("a text such as `2026-11-22`", (text, { calendar }) => isDate(text, calendar)),
  time: textual(timeExpected, (text, type) => {
    if (type.hours !== undefined) return isLongTime(text, type.hours) && (type.form?.accepts(text) ?? true);
    return hasOffset(type) ? isTimeWithOffset(text) : isTime(text);
  }),
  timestamp: textual("a text such as `2026-11-22 13:45:00.000001`, without an offset", (text, { calendar }) =>
    isTimestamp(text, calendar),
  ),
  timestamp_tz: textual("a text such as `2026-11-22T13:45:00.000001Z`, with its offset", (text, { calendar }) =>
    isInstant(text, calendar),
  ),
  interval: textual("a text in ISO 8601 form, such as `P1Y2M3DT4H5M6S`", isInterval),
  uuid: textual("a text such as `0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f`", (text) => uuidForm.test(text)),
  json,
  array: textual('a text such as `{1,NULL,"a b"}`', (text) => /^\s*[{[]/.test(text)),
  struct: textual('a text such as `(1,"a b",)`', (text) => /^\s*\(/.test(text)),
  enum: enumeration,
  other: textual(
    ({ form }) => form?.expects ?? "a text in the source's own form",
    (text, { form }) => form?.accepts(text) !== false,
  ),
};
