import { Failure } from "../../failure.ts";
import type { SqlField, SqlResource } from "./dialect.ts";
import { didYouMean, nearest } from "./nearest.ts";

/**
 * The field of a resource that a request names.
 *
 * @param path where the request names it
 * @throws Failure `unknown_field` with the nearest names
 */
export function fieldNamed(resource: SqlResource, name: string, path: string): SqlField {
  const field = resource.fields.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  const hint = didYouMean(
    nearest(
      name,
      resource.fields.map((candidate) => candidate.name),
    ),
  );
  const description = `\`${resource.name}\` has no field \`${name}\`.${hint}`;
  throw new Failure("unknown_field", description, {
    where: "request",
    remedy: "Name a field as GetSchema shows it; capitals count.",
    fields: [{ field: path, description }],
  });
}
