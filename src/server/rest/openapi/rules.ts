/** The rules beside the contract's fields, as far as JSON Schema can say them. */
import { type DescField, getOption } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules, Ignore } from "../../../gen/buf/validate/validate_pb.js";
import type { Schema } from "./types.ts";

/** What a value of the field must be besides. */
export function rulesOf(field: DescField): Schema {
  return keywordsOf(getOption(field, fieldRules));
}

/** Whether a request without the field is refused. */
export function isRequired(field: DescField): boolean {
  if (field.oneof !== undefined) return false;
  const rules = getOption(field, fieldRules);
  if (rules.required) return true;
  if (rules.ignore === Ignore.IF_ZERO_VALUE || field.proto.proto3Optional) return false;
  const { minLength, minItems, minProperties, pattern, format } = keywordsOf(rules);
  return [minLength, minItems, minProperties, pattern, format].some((keyword) => keyword !== undefined);
}

function keywordsOf({ type, cel }: FieldRules): Schema {
  const [pattern] = cel.flatMap(({ expression }) => /^this\.matches\('(.*)'\)$/.exec(expression)?.[1] ?? []);
  return given({ pattern, ...ofType(type) });
}

function ofType({ case: kind, value }: FieldRules["type"]): Schema {
  switch (kind) {
    case "string":
      return { ...sizes("Length", value.minLen, value.maxLen), format: formatOf(value.wellKnown.case) };
    case "repeated":
      return { ...sizes("Items", value.minItems, value.maxItems), uniqueItems: value.unique || undefined };
    case "map":
      return sizes("Properties", value.minPairs, value.maxPairs);
    case "int32":
    case "double":
      return { ...bounds(value.greaterThan), ...bounds(value.lessThan) };
    default:
      return {};
  }
}

function formatOf(wellKnown: string | undefined): string | undefined {
  return wellKnown === "uuid" || wellKnown === "uri" ? wellKnown : undefined;
}

function sizes(of: string, least: bigint, most: bigint): Schema {
  // Zero stands for no rule.
  return {
    [`min${of}`]: least === 0n ? undefined : Number(least),
    [`max${of}`]: most === 0n ? undefined : Number(most),
  };
}

const boundNames: Readonly<Record<string, string>> = {
  gt: "exclusiveMinimum",
  gte: "minimum",
  lt: "exclusiveMaximum",
  lte: "maximum",
};

function bounds({ case: kind, value }: { readonly case: string | undefined; readonly value?: unknown }): Schema {
  const name = kind === undefined ? undefined : boundNames[kind];
  return name === undefined ? {} : { [name]: value };
}

function given(schema: Schema): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}
