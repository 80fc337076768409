/** What a body can have wrong. No message holds a byte of it. */
import { Failure, type FailureOptions } from "../../../failure.ts";
import type { HttpField } from "./format.ts";

/** What stood where a value of another type was expected. */
export type Found =
  | "a text"
  | "a number"
  | "a fraction"
  | "a number out of range"
  | "a boolean"
  | "an object"
  | "an array";

/** Another try would be answered in the same way. */
const final: FailureOptions = { where: "upstream", final: true };

/** @param what is wrong with it, as the end of a sentence: `it is not JSON` */
export function unreadable(resource: string, what: string): Failure {
  return new Failure("upstream_unavailable", `The source's answer for \`${resource}\` can't be read: ${what}.`, {
    ...final,
    remedy: "Check that the connector's base URL, the resource's path and its row format are right.",
    metadata: { resource },
  });
}

export function truncated(resource: string): Failure {
  return new Failure("upstream_lost", `The source's answer for \`${resource}\` ends in the middle.`, {
    where: "upstream",
    remedy: "Try again; if it happens again, ask for fewer rows at once.",
    metadata: { resource },
  });
}

/** @param what is it: `a row` */
export function tooLarge(resource: string, what: string, maxBytes: number): Failure {
  return new Failure(
    "too_large",
    `The source's answer for \`${resource}\` has ${what} of more than ${maxBytes} bytes.`,
    {
      ...final,
      remedy: "Ask for fewer fields, if the source can leave some out.",
      metadata: { resource, max_bytes: String(maxBytes) },
    },
  );
}

/** @param what is wrong with how its rows are declared, as a sentence's end */
export function undeclarable(resource: string, what: string): Failure {
  return new Failure("configuration_rejected", `The rows of \`${resource}\` are declared as they can't be: ${what}.`, {
    ...{ where: "connector", final: true, metadata: { resource } },
    remedy: "Correct the resource's format and the paths of its fields.",
  });
}

export function rowsMissing(resource: string, path: string): Failure {
  return new Failure("configuration_rejected", `The source's answer for \`${resource}\` has no rows at \`${path}\`.`, {
    ...final,
    remedy: `Correct the path of \`rows\`, or declare \`"absent": "none"\` where the source leaves out what is empty.`,
    metadata: { resource, path },
  });
}

export function columnMissing(resource: string, { name, path }: HttpField): Failure {
  const message = `The source's answer for \`${resource}\` has no column \`${path}\` for the field \`${name}\`.`;
  return new Failure("configuration_rejected", message, {
    ...final,
    remedy: "Correct the field's path, or whether the first record has the columns' names.",
    metadata: { resource, field: name, path },
  });
}

export function notOfType(resource: string, { name, type, format }: HttpField, found: Found): Failure {
  const declared = format === undefined ? type : `${type} in the format ${format}`;
  const message = `The source sent ${found} for the field \`${name}\` of \`${resource}\`, which is declared as ${declared}.`;
  return new Failure("configuration_rejected", message, {
    ...final,
    remedy: "Declare the field with the type and the format that the source has; a string takes any scalar.",
    metadata: { resource, field: name, found },
  });
}
