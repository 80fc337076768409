/** Text that the store can hold. */
import { type FieldViolation, invalidRequest } from "../failure.ts";

/**
 * Refuses text that PostgreSQL stores neither as text nor in JSON, wherever it stands
 * in these fields: a NUL character, and half of a surrogate pair.
 *
 * @param fields By their paths in the request; objects and lists are looked into.
 * @throws Failure of kind `invalid_request` with every such field
 */
export function checkText(fields: Readonly<Record<string, unknown>>): void {
  const [first, ...more] = Object.entries(fields).flatMap(([path, value]) => violations(path, value));
  if (first !== undefined) throw invalidRequest(first, ...more);
}

function violations(field: string, value: unknown): FieldViolation[] {
  if (typeof value === "string") return isStorable(value) ? [] : [{ field, description: unstorable }];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((inner, i) => violations(`${field}[${i}]`, inner));
  return Object.entries(value).flatMap(([key, inner]) =>
    isStorable(key) ? violations(`${field}.${key}`, inner) : [{ field, description: `has a key that ${unstorable}` }],
  );
}

const unstorable = "must hold no NUL character and no half of a surrogate pair";

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}
