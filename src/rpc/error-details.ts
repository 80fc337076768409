/** What an error carries besides its code and its text, as bytes of `google.rpc` messages. */
import { create, type DescMessage, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Failure, FieldViolation } from "../failure.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { remedies } from "./remedies.ts";

/** The `domain` of every ErrorInfo. */
export const errorDomain = "connector.v1";

// An error travels in headers, and clients accept as little as 8 KiB of them.
const maxMessageLength = 1_000;
const maxMetadataLength = 500;
const maxViolationsLength = 2_500;

type Detail = ConnectError["details"][number];

/** A failure's text with its remedy, as long as headers can hold. */
export function messageOf({ message, remedy }: Failure): string {
  const sentence = /[.?!]$/.test(message) ? message : `${message}.`;
  const whole = remedy === undefined ? message : `${sentence} ${remedy}`;
  return clip(whole, maxMessageLength);
}

/** ErrorInfo for every failure, BadRequest for wrong fields, RetryInfo where waiting helps. */
export function detailsOf(failure: Failure): Detail[] {
  const details = [infoOf(failure)];
  if (failure.fields.length > 0) {
    const fieldViolations = fitting(failure.fields);
    details.push(encoded(BadRequestSchema, { fieldViolations }, { fieldViolations }));
  }
  if (failure.retryAfterMs !== undefined) {
    const ms = Math.max(0, Math.ceil(failure.retryAfterMs));
    const retryDelay = { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
    details.push(encoded(RetryInfoSchema, { retryDelay }, { retryDelay: `${(ms / 1_000).toFixed(3)}s` }));
  }
  return details;
}

export function isDescribed({ details }: ConnectError): boolean {
  return details.some((detail) => ("desc" in detail ? detail.desc.typeName : detail.type) === ErrorInfoSchema.typeName);
}

/** What a described error says of itself, as `FailureKind` has it. */
export function reasonOf({ details }: ConnectError): string | undefined {
  for (const detail of details) {
    if ("desc" in detail || detail.type !== ErrorInfoSchema.typeName) continue;
    const { reason } = detail.debug as { readonly reason?: string };
    return reason?.toLowerCase();
  }
  return undefined;
}

function infoOf(failure: Failure): Detail {
  const { kind, where, remedy = remedies[kind], upstream, status } = failure;
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries({ ...failure.metadata, where, remedy, upstream, status })) {
    if (value !== undefined) metadata[key] = clip(value, maxMetadataLength);
  }
  const info = { reason: kind.toUpperCase(), domain: errorDomain, metadata };
  return encoded(ErrorInfoSchema, info, info);
}

/**
 * Encoded here, and once: of a detail that is not, the library makes its message for each
 * protocol's form anew, and looks at every field of it to say the same in JSON.
 *
 * @param debug the same in JSON, for who reads an error without the schema
 */
function encoded<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>, debug: object): Detail {
  return { type: desc.typeName, value: toBinary(desc, create(desc, value)), debug: debug as JsonObject };
}

/** As many violations as headers can hold, at least one. */
function fitting(violations: readonly FieldViolation[]): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let room = maxViolationsLength;
  for (const violation of violations) {
    const field = clip(violation.field, maxMetadataLength);
    const description = clip(violation.description, maxMetadataLength);
    room -= field.length + description.length + 8;
    if (room < 0 && kept.length > 0) break;
    kept.push({ field, description });
  }
  return kept;
}

/** Well-formed, since a lone surrogate can't be written into a header. */
function clip(text: string, length: number): string {
  const clipped = text.length > length ? `${text.slice(0, length - 1)}…` : text;
  return clipped.toWellFormed();
}
