/** Fields of a resource, as a connector declares them. */
import { z } from "zod";
import type { FieldFormat, HttpFieldType } from "../body/format.ts";
import type { DeclaredField } from "../declaration.ts";
import { name } from "./parts.ts";

const types = [
  ...(["string", "int32", "int64", "uint64", "float", "double", "decimal", "bool", "date", "time"] as const),
  ...(["timestamp", "timestamp_tz", "uuid", "bytes", "json", "enum"] as const),
] satisfies HttpFieldType[];

const formats = ["epoch_seconds", "epoch_ms", "utc", "hex"] as const satisfies FieldFormat[];

export const field = z
  .strictObject({
    name: name.describe("As queries name it."),
    path: z
      .string()
      .max(1_000)
      .optional()
      .describe(
        "Where its value stands in a row: in JSON a pointer, /address/city; in CSV the column, /City, or its place, /0; in XML /link/@href. Default: the name behind a slash.",
      ),
    type: z.enum(types).describe("What its values are."),
    nullable: z.boolean().default(true).describe("A value can be null or missing."),
    description: z.string().max(4_000).default(""),
    format: z
      .enum(formats)
      .optional()
      .describe(
        "How the source writes it, where there are several ways: times as seconds or milliseconds since 1970, or in UTC without saying so; bytes in hexadecimal digits and not in base64.",
      ),
    labels: z.array(z.string().max(1_000)).max(1_000).default([]).describe("Of an enum, in their order."),
    read_only: z.boolean().default(false).describe("The source sets it: it is never written."),
    parameter: z
      .boolean()
      .default(false)
      .describe("Rows don't hold it: its value is what an equality filter says, which some way to read needs."),
  })
  .refine(({ type, labels }) => type === "enum" || labels.length === 0, {
    path: ["labels"],
    message: "are of enums only",
  });

export function declaredField(declared: z.output<typeof field>): DeclaredField {
  const { name: own, path, type, nullable, description, format, labels, read_only: readOnly, parameter } = declared;
  return {
    ...{ name: own, type, nullable, description, readOnly: readOnly || parameter, enumLabels: labels },
    path: path ?? pointerTo(own),
    nativeType: format === undefined ? type : `${type} (${format})`,
    ...(format === undefined ? {} : { format }),
    ...(parameter ? { parameter: true } : {}),
  };
}

/** A member by its name (RFC 6901). */
export const pointerTo = (member: string) => `/${member.replaceAll("~", "~0").replaceAll("/", "~1")}`;
