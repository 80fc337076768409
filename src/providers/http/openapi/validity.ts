/** Whether a document follows the letter of OpenAPI. Many vendors' do not, and are of use all the same. */
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Tree } from "./tree.ts";

/**
 * What the validator says of a document, which it may change: a note, or none when it has no
 * objection. It opens no file and no connection for an object.
 */
export async function strictnessNotes(document: Tree): Promise<readonly string[]> {
  try {
    const { valid, errors } = await new Validator().validate(document as Record<string, unknown>);
    if (valid) return [];
    const first = typeof errors === "object" ? errors[0] : undefined;
    const place =
      first === undefined ? "a reference leads nowhere" : `${first.instancePath || "/"} ${first.message ?? ""}`;
    return [
      `The document does not follow OpenAPI to the letter, and is used as far as it can be read: ${short(place)}.`,
    ];
  } catch {
    // It calls itself for every level of the document.
    return ["The document can't be checked against OpenAPI, and is used as far as it can be read."];
  }
}

function short(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
