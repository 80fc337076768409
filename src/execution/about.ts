/** What a call is about: the parts of it that the source has no say in. */
import type { BreakerState, CallMethod } from "../observability/observation.ts";
import type { AnyAction } from "../providers/contract/action.ts";
import type { ReadQuery } from "../providers/contract.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import { targetOf } from "./acting.ts";
import type { Caller } from "./call.ts";
import type { Begun } from "./outcome.ts";

export interface About {
  readonly method: CallMethod;
  readonly connector: ConnectorRow;
  readonly caller: Caller;
  readonly query?: ReadQuery;
  readonly action?: AnyAction;
}

/** Characters of the longest statement that is told of: they may wait in memory for the store, by the thousand. */
const longestStatement = 4_096;

/** What is told of a call, whatever comes of it. */
export function begunOf(about: About, breaker: BreakerState): Begun {
  const { method, caller, query } = about;
  const { principal, agent } = caller;
  return { method, principal, agent: agent?.name ?? "", resource: resourceOf(about), ...statementOf(query), breaker };
}

export function resourceOf({ query, action }: Pick<About, "query" | "action">): string {
  return query?.kind === "resource" ? query.resource : targetOf(action);
}

function statementOf(query: ReadQuery | undefined): { readonly statement?: string } {
  return query?.kind === "native" && query.text.length <= longestStatement ? { statement: query.text } : {};
}
