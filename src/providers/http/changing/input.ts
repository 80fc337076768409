/**
 * What an action asks for, by its own JSON Schema, as far as it is one that is known here and
 * that no input takes long to be held against: whoever declares it is one of many whose calls
 * this thread serves. What is left out the source itself will judge.
 */
import { z } from "zod";
import { type FieldViolation, invalidRequest } from "../../../failure.ts";
import type { NamedAction } from "../../contract/action.ts";
import { complaint, helpful } from "../../contract/complaint.ts";
import type { HttpAction, Json } from "../declaration.ts";

/** @throws Failure `invalid_request` with what is wrong with the input */
export function checkInput(input: NamedAction["input"], { input: schema }: HttpAction): void {
  const checked = schemaOf(schema)?.safeParse(input, { error: complaint });
  if (checked === undefined || checked.success) return;
  const violations = checked.error.issues
    .flatMap(helpful)
    .slice(0, 20)
    .flatMap((issue): FieldViolation[] => {
      const at = ["named.input", ...issue.path.map(String)];
      const keys =
        issue.code === "unrecognized_keys" ? issue.keys.slice(0, 20).map((key) => [key.slice(0, 100)]) : [[]];
      return keys.map((key) => ({ field: [...at, ...key].join("."), description: issue.message }));
    });
  const [first, ...more] = violations;
  if (first !== undefined) throw invalidRequest(first, ...more);
}

/** What a schema means that is read once. */
const read = new WeakMap<object, z.ZodType | undefined>();

function schemaOf(schema: HttpAction["input"]): z.ZodType | undefined {
  if (read.has(schema)) return read.get(schema);
  let meaning: z.ZodType | undefined;
  try {
    const quick = withoutPatterns(schema);
    meaning = isShared(quick) ? undefined : z.fromJSONSchema(quick as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    // Nothing that is known here.
  }
  read.set(schema, meaning);
  return meaning;
}

/** A regular expression can take forever for a short text. A member of the input may have the same name, and is an object here. */
function withoutPatterns(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema), (name, value: unknown) =>
    name === "pattern" && typeof value === "string" ? undefined : value,
  ) as Json;
}

/** Whether a part stands for itself or in several places, each of which would be gone through; or names are patterns. */
function isShared(schema: Json): boolean {
  return /"(?:\$ref|\$dynamicRef|\$recursiveRef|patternProperties)":/.test(JSON.stringify(schema));
}
