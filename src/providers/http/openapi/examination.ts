/** What is wrong with an OpenAPI document that a connector is given, known before anybody uses it. */
import { Failure, type FieldViolation } from "../../../failure.ts";
import type { DescriptionOptions } from "./description.ts";
import { describeApi } from "./reading.ts";

/** Milliseconds that whoever makes a connector waits for it: nearly all documents are read sooner. */
const patienceMs = 5_000;

/** What a document's meaning depends on besides itself. */
interface Given {
  readonly base_url?: unknown;
  readonly idempotency_header?: unknown;
  readonly openapi?: unknown;
}

/** @param given A connector's config, checked or not. */
export function descriptionOptions({ base_url: base, idempotency_header: header }: Given): DescriptionOptions {
  const path = URL.parse(String(base))?.pathname ?? "";
  return {
    basePath: path.replace(/\/$/, ""),
    idempotencyHeader: typeof header === "string" ? header : undefined,
  };
}

/**
 * Reads the document that the config holds, and keeps what comes of it for the first call. What
 * takes too long to be judged is not refused here.
 *
 * @param given A connector's config, none of whose fields need be right.
 * @param tenant Who gives it.
 * @returns what is wrong, by its path in the config
 */
export async function examined(given: Given, tenant: string): Promise<readonly FieldViolation[]> {
  const document = (given.openapi as { readonly document?: unknown } | undefined | null)?.document;
  if (typeof document !== "string") return [];
  const signal = AbortSignal.timeout(patienceMs);
  try {
    await describeApi(document, descriptionOptions(given), tenant, signal);
    return [];
  } catch (error) {
    if (signal.aborted) return [];
    if (!(error instanceof Failure) || error.kind !== "configuration_rejected") throw error;
    return [{ field: "openapi.document", description: error.message }];
  }
}
