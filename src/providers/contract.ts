/**
 * What a provider is: data, and one function that opens a session.
 *
 * The rest of the service knows providers by this file and its folder only. One declares
 * what it can do; what it can't, the service refuses before the session is asked.
 */
import type { z } from "zod";
import type { Dial } from "../egress/dial.ts";
import type { Trust } from "../egress/tls.ts";
import type { Failure, FieldViolation } from "../failure.ts";
import type { Field } from "../rows/field.ts";
import type { PackedBatch } from "../rows/packed.ts";
import type { ActionDescription, ActionRequest, ActionResult, NamedAction } from "./contract/action.ts";
import type { ProviderAuthorization } from "./contract/authorization.ts";
import type { Resource } from "./contract/resource.ts";
import type { TokenStore } from "./contract/tokens.ts";

export type Capability = "test" | "schema" | "query" | "native_query" | "explain" | "execute";

/** A provider with its types; `defineProvider` makes one. */
export interface ProviderDefinition<Config extends z.ZodType, Credential extends z.ZodType> {
  /** Identifies it on the wire and in the store: `postgresql`. */
  readonly id: string;
  /** Its name for people. */
  readonly title: string;
  readonly type: "database" | "api";
  readonly capabilities: readonly Capability[];
  /** Structured fields only: no DSN, no socket path, and no file path but one below `SessionContext.files`. */
  readonly config: Config;
  readonly credential: Credential;
  /** Limits of a connector whose own policy gives none. Default: no rate limit, and the service's concurrency. */
  readonly limits?: { readonly callsPerSecond?: number; readonly maxConcurrency?: number };
  /**
   * Where the credential is sent. It is bound into the sealed credential: when any
   * of it changes, the credential must be given again.
   */
  endpoint(config: z.output<Config>): Readonly<Record<string, string | number | boolean>>;
  /** Opens a session; connects when it is first used. */
  open(config: z.output<Config>, credential: z.output<Credential>, context: SessionContext): Session;
  /**
   * What of a credential does not fit the config, when each is good by itself; its fields by their
   * names in the credential. Default: nothing.
   */
  misfits?(config: z.output<Config>, credential: z.output<Credential>): readonly FieldViolation[];
  /**
   * What of a whole config is wrong that takes a while to be found out, by its path in the config.
   * Asked before a connector is made or changed, whether or not `config` has been held against it;
   * some seconds at most. Default: nothing.
   *
   * @param tenant Whose connector it is; opaque.
   */
  examine?(given: Readonly<Record<string, unknown>>, tenant: string): Promise<readonly FieldViolation[]>;
  /** How users grant its connectors access in a browser. Default: they don't. */
  readonly authorization?: ProviderAuthorization<z.output<Config>, z.output<Credential>>;
  /**
   * A native statement without its values and comments, as the history keeps it; empty
   * when it can't be told where they are. Default: none is kept.
   */
  normalize?(statement: string): string;
  /**
   * Says what an error of the source means to the caller, or undefined when it is
   * none of the source's. The failure never holds the source's own text.
   */
  classify(cause: unknown): Failure | undefined;
}

/** Any provider, when its own types do not matter. */
export type Provider = ProviderDefinition<z.ZodType, z.ZodType>;

/** Checks the definition's types and hides them. */
export function defineProvider<Config extends z.ZodType, Credential extends z.ZodType>(
  definition: ProviderDefinition<Config, Credential>,
): Provider {
  return definition as unknown as Provider;
}

/** What a session gets from the service. */
export interface SessionContext {
  /** The only way to open a socket. */
  readonly dial: Dial;
  /** Who may sign the certificates of sources. Default: those that Node trusts. */
  readonly trust?: Trust;
  /** Connections to the source at most. */
  readonly maxConnections: number;
  /** Every connection that a session keeps takes a place before it is dialled. */
  readonly places: Places;
  /**
   * The directory below which the organization's connectors may name files; the operator fills it.
   * It may not be there. Undefined: none may.
   */
  readonly files?: string | undefined;
  /** Whose session it is, for what tenants take turns at; opaque. Default: nobody's. */
  readonly tenant?: string;
  /** Keeps the tokens that the connector's credential is traded for. It is there whenever the service opens a session. */
  readonly tokens?: TokenStore;
  /** To whom `Call.traceparent` is sent. Default: to nobody. */
  readonly traces?: TracesTo;
  /** A connection whose user may do much more than read is refused. Default: it is only warned of. */
  readonly refuseRiskyPrivileges?: boolean;
}

export interface TracesTo {
  /** To HTTP APIs, as a header, unless their connector forbids it. */
  readonly headers: boolean;
  /** To databases, as a comment of statements: where comments are kept or logged, statements can be found by it. */
  readonly comments: boolean;
}

/** Room for connections: over all sources of this replica, and to each of their hosts. */
export interface Places {
  /**
   * Waits until there is room for one more connection to the host.
   *
   * @throws The signal's reason.
   */
  take(host: string, signal: AbortSignal): Promise<Place>;
}

/** Room for one connection, from before it is dialled until it is closed. */
export interface Place {
  /** The connection is unused now: when another source needs the room, `giveUp` is called, which closes it. */
  lend(giveUp: () => void): void;
  /** The connection is used again. */
  recall(): void;
  /** The connection is closed, or was never opened. Once is enough, more does no harm. */
  free(): void;
}

/** One call, as a session sees it. */
export interface Call {
  /** Aborts when the caller cancels, the deadline passes or the service drains. */
  readonly signal: AbortSignal;
  /** The instant at which the caller stops waiting, on `performance.now()`'s clock. */
  readonly deadline: number;
  /** Tells what the call spends its time on from now. */
  enter(phase: Phase): void;
  /**
   * Tells that the source is busy with the call beyond its answer or its end, until
   * `settled`: a statement that is being cancelled, for example. The call's permit is
   * free then, and not before.
   */
  settling(settled: Promise<Settled>): void;
  /** Tells what the source says is left of a quota. */
  quota(quota: Quota): void;
  /**
   * What tells a source the trace that this is a part of, as in W3C Trace Context: ids, and nothing
   * else. A session sends it where `SessionContext.traces` says so. Undefined: there is none.
   */
  readonly traceparent?: string | undefined;
}

/**
 * What a call waits for: one of the connector's connections, a new connection, the
 * source's first byte, or the rest of the result and its reader.
 */
export type Phase = "pool" | "connect" | "source" | "transfer";

/** How the source took the end of a call: it heard and answered, or nothing was heard of it any more. */
export type Settled = "answered" | "lost";

/** What a source says is left of one of its quotas. */
export interface Quota {
  /** The source's name for it: `core`. */
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** When it is whole again, if the source says. */
  readonly resetTime: Date | undefined;
}

/**
 * A live handle to a source, shared by many calls at once. Every method fails with
 * a `Failure` or with an error that the provider's `classify` knows.
 */
export interface Session {
  test(call: Call): Promise<TestReport>;
  schema?(call: Call): Promise<readonly Resource[]>;
  /** The named actions that `perform` takes. Left out where there are none. */
  actions?(call: Call): Promise<readonly ActionDescription[]>;
  /** One page of rows. */
  query?(query: ReadQuery, page: PageRequest, call: Call): Promise<Page>;
  /**
   * All rows. Settles when the source has begun to answer. Ending the iteration
   * early, or aborting the call, stops the statement at the source.
   */
  stream?(query: ReadQuery, call: Call): Promise<RowStream>;
  explain?(query: ReadQuery, page: PageRequest, call: Call): Promise<Explanation>;
  /**
   * Changes the source, all or nothing; where the source can't, the result has `items`, one
   * of which is done at least, and none unknown. A failure means that nothing was changed, unless
   * its kind is `outcome_unknown`: the source was told to keep the change, and did not say
   * whether it has. It settles only when the change is made, undone or unknown, also when
   * the call was aborted before.
   */
  execute?(request: ActionRequest, call: Call): Promise<ActionResult>;
  /**
   * Carries out an action that the provider or the connector declares; else as `execute`.
   * Left out where there are none.
   *
   * @throws Failure `invalid_request` for `named.name` when there is no such action
   */
  perform?(request: ActionRequest<NamedAction>, call: Call): Promise<ActionResult>;
  /** Closes idle connections at once and busy ones when their call ends. */
  close(): Promise<void>;
}

export interface TestReport {
  readonly ok: boolean;
  readonly serverVersion: string;
  /** `TLSv1.3` for example; empty without encryption. */
  readonly tls: string;
  readonly readOnly: boolean;
  readonly user: string;
  readonly checks: readonly Check[];
}

export interface Check {
  readonly name: "configuration" | "connect" | "tls" | "authenticate" | "query" | "privileges";
  readonly outcome: "passed" | "warning" | "failed" | "skipped";
  readonly message: string;
  readonly remedy: string;
  /** A FailureKind when it failed. */
  readonly reason: string;
}

export type ReadQuery = ResourceQuery | NativeQuery;

export interface ResourceQuery {
  readonly kind: "resource";
  readonly resource: string;
  /** Empty for all. */
  readonly fields: readonly string[];
  readonly filter: FilterNode | undefined;
  readonly orderBy: readonly { readonly field: string; readonly descending: boolean }[];
  /** Rows at most; undefined for all. */
  readonly limit: number | undefined;
  /** What the source can't filter by, the session may filter by itself, and must tell. Default: it is refused. */
  readonly allowPostFilter?: boolean;
}

export interface NativeQuery {
  readonly kind: "native";
  readonly text: string;
  readonly parameters: readonly Operand[];
}

export type FilterNode =
  | { readonly kind: "and" | "or"; readonly operands: readonly FilterNode[] }
  | { readonly kind: "not"; readonly operand: FilterNode }
  | Comparison;

export interface Comparison {
  readonly kind: "compare";
  readonly field: string;
  readonly operator: Operator;
  readonly values: readonly Operand[];
  /** Where it stands in the request, for errors: `query.filter.and.filters[0].compare`. */
  readonly path: string;
  /** It stands there in the short form, as a name with a value or a list of them: `query.where.country`. */
  readonly short?: true;
}

export type Operator = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "in" | "contains" | "starts_with" | "is_null";

/** A value of a request. */
export type Operand =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "double"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array };

export interface PageRequest {
  /** Rows at most. */
  readonly size: number;
  /** What the page before gave as its `continuation`; undefined for the first. */
  readonly continuation: string | undefined;
  /** Bytes of cells after which the page is cut. */
  readonly maxBytes: number;
}

export interface Page {
  readonly fields: readonly Field[];
  readonly batches: readonly PackedBatch[];
  /** Leads to the next page, for this session's own reading; undefined on the last. */
  readonly continuation: string | undefined;
  readonly paging: Paging;
  /** Rows were left out that no continuation leads to. */
  readonly truncated: boolean;
  /** The parts of the query that the session has carried out itself, by their paths in the request. Default: none. */
  readonly postFiltered?: readonly string[];
}

/** `source`: by tokens of the source's own. */
export type Paging = "keyset" | "offset" | "single" | "source";

export interface RowStream {
  readonly fields: readonly Field[];
  /** As of a page. */
  readonly postFiltered?: readonly string[];
  /** A batch may be changed once the next one is asked for. */
  readonly batches: AsyncIterable<PackedBatch>;
}

export interface Explanation {
  readonly statement: string;
  readonly parameters: readonly string[];
  readonly pushedDown: readonly string[];
  /** As of a page. */
  readonly postFiltered?: readonly string[];
  readonly paging: Paging;
  /** The source's own plan as JSON, when it has one. */
  readonly plan: readonly unknown[] | undefined;
  readonly estimatedRows: number | undefined;
  readonly estimatedCost: number | undefined;
}
