/** What comes of a document: the shape that leaves the thread on which it is read. */
import type { HttpAction, HttpResource } from "../declaration.ts";

export interface ApiDescription {
  readonly resources: readonly HttpResource[];
  readonly actions: readonly HttpAction[];
  /** What was left out and why, and where the document is not as it should be; sentences, some dozens at most. */
  readonly notes: readonly string[];
  /** Characters that its resources and actions have as JSON, about. */
  readonly size: number;
}

export interface DescriptionOptions {
  /** The path of the connector's base URL, without a slash at its end: `/api`; empty for none. */
  readonly basePath: string;
  /** The header that carries a caller's idempotency key where an operation names none. Undefined: there is none. */
  readonly idempotencyHeader?: string | undefined;
}
