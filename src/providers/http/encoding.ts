/** Bodies of requests. */
import { randomBytes } from "node:crypto";
import type { BodyEncoding } from "./declaration.ts";
import type { RawJson, WrittenJson } from "./spelling.ts";

export interface EncodedBody {
  /** The header Content-Type. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** @param value an object */
export function encodeBody(value: WrittenJson, encoding: BodyEncoding): EncodedBody {
  switch (encoding) {
    case "json":
      return { type: "application/json", bytes: Buffer.from(JSON.stringify(value)) };
    case "form":
      return form(topMembers(value));
    case "form_brackets":
      return form(nestedMembers(value));
    case "multipart":
      return multipart(topMembers(value));
  }
}

type Members = readonly (readonly [name: string, text: string])[];

function form(members: Members): EncodedBody {
  const type = "application/x-www-form-urlencoded";
  return { type, bytes: Buffer.from(new URLSearchParams(members.map(([name, text]) => [name, text])).toString()) };
}

/** By RFC 7578; a name's quotes and line ends are written as browsers write them. */
function multipart(members: Members): EncodedBody {
  const boundary = `part-${randomBytes(18).toString("base64url")}`;
  const parts = members.map(([name, text]) => {
    const quoted = name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
    return `--${boundary}\r\ncontent-disposition: form-data; name="${quoted}"\r\n\r\n${text}\r\n`;
  });
  const bytes = Buffer.from(`${parts.join("")}--${boundary}--\r\n`);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes };
}

/** A member that is no scalar goes as its JSON. */
function topMembers(value: WrittenJson): Members {
  return Object.entries(value as object).flatMap(([name, member]: [string, WrittenJson]) => {
    if (Array.isArray(member)) return member.map((item) => [name, textOf(item)] as const);
    return [[name, textOf(member)] as const];
  });
}

/** `address[city]`, `items[0][price]`. */
function nestedMembers(value: WrittenJson, prefix = ""): Members {
  if (isScalar(value)) return [[prefix, textOf(value)]];
  return Object.entries(value as object).flatMap(([name, member]: [string, WrittenJson]) =>
    nestedMembers(member, prefix === "" ? name : `${prefix}[${name}]`),
  );
}

const isRaw = (value: object): value is RawJson => "rawJSON" in value;

function isScalar(value: WrittenJson): boolean {
  return typeof value !== "object" || value === null || isRaw(value);
}

/** Null is an empty text, by which forms take a value away. */
function textOf(value: WrittenJson): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
