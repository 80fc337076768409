/** Small parts of which a connector's declaration of an API is made. */
import { z } from "zod";
import type { Slot } from "../declaration.ts";

/** Header names that carry a secret, or belong to the connection. */
const reserved =
  /^(?:authorization|cookie|proxy-.*|host|connection|keep-alive|te|trailer|upgrade|expect|transfer-encoding|content-(?:length|encoding|type)|accept-encoding)$/i;

export const name = z.string().min(1).max(512);

export const pointer = z
  .string()
  .max(1_000)
  .regex(/^(?:\/(?:[^~/]|~[01])*)*$/, "must be a JSON pointer (RFC 6901), as /data/items, or empty for the whole");

/** Of an operation: what stands behind the base URL. */
export const path = z
  .string()
  .max(2_000)
  .regex(/^\/[^?#\\]*$/, "must begin with a slash, and have no ?, # or backslash: parameters stand in `query`")
  .refine((text) => !text.includes("//"), "must not have two slashes side by side")
  .refine(
    (text) => !text.split("/").some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)),
    "must not lead upwards: a part of it is `.` or `..`",
  )
  .refine((text) => /^(?:[^{}]|\{[^{}]+\})*$/.test(text), "must have braces in pairs, with a name between them");

export const headerName = z
  .string()
  .max(100)
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header: letters, digits and hyphens")
  .refine((text) => !reserved.test(text), "is a header that the service sets, or that carries a credential");

export const headers = z
  .record(
    headerName,
    z
      .string()
      .max(4_000)
      .regex(/^[\x20-\x7e]*$/, "must be printable ASCII"),
  )
  .default({})
  .describe("Headers that every request has: a version that is asked for, for example. Never a secret.");

export const query = z
  .record(z.string().min(1).max(200), z.string().max(4_000))
  .default({})
  .describe("Parameters that are always sent.");

/** Anything that JSON can say. */
export const json = z.json();

export const slot = z
  .union([
    z.string().min(1).max(200).describe("The name of a query parameter."),
    z.strictObject({ header: headerName }).describe("A header."),
    z.strictObject({ path: name }).describe("A name in braces in the path."),
    z.strictObject({ body: pointer }).describe("A member of the JSON or form body, by a JSON pointer."),
  ])
  .describe("Where it goes in a request: a query parameter's name, or a header, a part of the path or of the body.")
  // What is declared in many places stands once in the JSON Schema.
  .meta({ id: "place" });

export function slotOf(declared: z.output<typeof slot>): Slot {
  if (typeof declared === "string") return { in: "query", name: declared };
  if ("header" in declared) return { in: "header", name: declared.header };
  return "path" in declared ? { in: "path", name: declared.path } : { in: "body", pointer: declared.body };
}

export const body = z.strictObject({
  encoding: z
    .enum(["json", "form", "form_brackets", "multipart"])
    .default("json")
    .describe("form has names and texts; form_brackets also nested ones, as address[city]; both are URL-encoded."),
  template: z.record(z.string(), json).default({}).describe("Members that the body always has."),
});
