import { Failure } from "../../failure.ts";
import { didYouMean, nearest } from "./nearest.ts";

/** A resource, as far as its fields go. */
export interface Fields<F> {
  readonly name: string;
  readonly fields: readonly F[];
}

/**
 * The field of a resource that a request names.
 *
 * @param path where the request names it
 * @throws Failure `unknown_field` with the nearest names
 */
export function fieldNamed<F extends { readonly name: string }>(resource: Fields<F>, name: string, path: string): F {
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
