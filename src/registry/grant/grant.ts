/** What an agent may do with a connector, as data. */
import { Failure } from "../../failure.ts";
import type { FilterNode } from "../../providers/contract.ts";

export type GrantPermission = "query" | "native_query" | "execute";

export interface ResourceTerms {
  /** Its full name, to the letter. */
  readonly resource: string;
  /** Empty for all. */
  readonly fields: readonly string[];
  /** Added to every query, update and delete; undefined for every row. Its paths begin with `grant.resources[`. */
  readonly rowFilter: FilterNode | undefined;
}

export interface Budget {
  readonly unit: "calls" | "rows" | "bytes" | "time";
  /** The most there may be in a window; milliseconds of time. */
  readonly amount: number;
  readonly windowMs: number;
}

export interface Terms {
  readonly permissions: readonly GrantPermission[];
  /** Kinds of actions, and names of named ones. */
  readonly actions: readonly string[];
  /** Empty for every resource, with all fields and rows. */
  readonly resources: readonly ResourceTerms[];
  readonly budgets: readonly Budget[];
}

export interface Grant extends Terms {
  readonly organizationId: string;
  readonly agent: string;
  readonly connectorId: string;
  /** Of all that it says: the same for the same. */
  readonly version: string;
  /** Null for never. */
  readonly expireTime: Date | null;
  readonly createTime: Date;
}

/** The part of a grant that a call is refused for; the contract names them at `Grant`. */
export type GrantPart =
  | "absent"
  | "expired"
  | "changed"
  | "permission"
  | "action"
  | "resource"
  | "field"
  | "row_filter";

/** @param message Says what is not granted; names of the source only that the caller gave */
export function beyondGrant(
  { agent }: Pick<Grant, "agent">,
  part: GrantPart,
  message: string,
  more: Readonly<Record<string, string>> = {},
): Failure {
  return new Failure("permission_denied", message, {
    where: "caller",
    remedy: "ListAgentConnectors shows what the agent may do; an administrator extends it with GrantConnector.",
    metadata: { ...more, agent, grant: part },
  });
}
