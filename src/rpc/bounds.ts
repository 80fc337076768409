/** What a caller is held to on one connector: its own limits, and the grant of the agent that it calls as. */
import type { HandlerContext } from "@connectrpc/connect";
import { authorize } from "../auth/principal.ts";
import type { Caller } from "../execution/call.ts";
import { Failure } from "../failure.ts";
import type { ExecuteRequest } from "../gen/connector/v1/action_pb.js";
import type { Query } from "../gen/connector/v1/query_pb.js";
import type { ActionDescription, AnyAction } from "../providers/contract/action.ts";
import type { Resource } from "../providers/contract/resource.ts";
import type { Explanation, ReadQuery } from "../providers/contract.ts";
import { beyondGrant, type Grant } from "../registry/grant/grant.ts";
import { narrowAction, narrowQuery } from "../registry/grant/narrow.ts";
import { narrowSchema } from "../registry/grant/schema.ts";
import { tellable, tellableExplanation } from "../registry/grant/telling.ts";
import type { ConnectorRow } from "../registry/registry.ts";
import { callerOf } from "./caller.ts";
import { principalOf } from "./principal.ts";
import { authorizeAction, authorizeQuery, explanationWithin, resourcesWithin, withoutSuggestions } from "./reach.ts";
import type { Rooms } from "./rooms.ts";
import { actionFromWire } from "./wire/action.ts";
import { queryFromWire } from "./wire/query.ts";

export interface Bounds {
  /** Of the agent; undefined for a call that is made as none. */
  readonly grant: Grant | undefined;
  /**
   * What may be asked of the source for a query, before anything looks for its answer.
   *
   * @throws Failure `permission_denied` that says what the caller lacks
   */
  query(query: Query): ReadQuery;
  /** @throws Failure `permission_denied` that says what the caller lacks */
  action(request: ExecuteRequest): AnyAction;
  schema(resources: readonly Resource[]): readonly Resource[];
  /** Those that the caller may run. */
  actions(actions: readonly ActionDescription[]): readonly ActionDescription[];
  explanation(explanation: Explanation, asked: ReadQuery): Explanation;
  /**
   * Makes the call, and tells what comes of it in words that name nothing beyond.
   *
   * @param work Gives the caller to execution at once: from then on it hears of a change of the grant
   * @throws Failure `permission_denied` when the grant has changed up to then, and what the work throws
   */
  run<T>(work: (caller: Caller) => Promise<T>, asked?: ReadQuery | AnyAction): Promise<T>;
}

/** @throws Failure `permission_denied` for an agent without a grant on the connector that is good now */
export async function boundsOf(rooms: Rooms, context: HandlerContext, connector: ConnectorRow): Promise<Bounds> {
  const principal = principalOf(context);
  const grant = await grantFor(rooms, context, connector);
  const provider = rooms.catalogue.get(connector.provider);
  return {
    grant,
    query(query) {
      authorizeQuery(principal, query, provider);
      const asked = queryFromWire(query);
      return grant === undefined ? asked : narrowQuery(asked, grant);
    },
    action(request) {
      const action = actionFromWire(request);
      authorizeAction(principal, action, provider);
      return grant === undefined ? action : narrowAction(action, request.returning, grant);
    },
    schema(resources) {
      const within = resourcesWithin(principal, resources);
      return grant === undefined ? within : narrowSchema(within, grant);
    },
    actions(actions) {
      const may = (name: string) => {
        try {
          const action: AnyAction = { kind: "named", name, input: {} };
          authorize(principal, "connector.execute");
          authorizeAction(principal, action, provider);
          if (grant !== undefined) narrowAction(action, [], grant);
          return true;
        } catch (error) {
          if (error instanceof Failure && error.kind === "permission_denied") return false;
          throw error;
        }
      };
      return actions.filter(({ name }) => may(name));
    },
    explanation(explanation, asked) {
      const within = explanationWithin(principal, explanation);
      return grant === undefined ? within : tellableExplanation(within, grant, asked);
    },
    run(work, asked) {
      if (grant === undefined) return withoutSuggestions(principal, work(callerOf(context, undefined)));
      const running = async () => {
        const now = await grantFor(rooms, context, connector);
        if (now?.version === grant.version) return work(callerOf(context, grant));
        throw beyondGrant(grant, "changed", "The agent's grant on this connector has changed meanwhile.");
      };
      return withoutSuggestions(principal, tellingOf(running(), grant, asked));
    },
  };
}

/** The grant that a call is made on; undefined for one that is made as no agent. */
export async function grantFor(
  { grants }: Pick<Rooms, "grants">,
  context: HandlerContext,
  { organizationId, id: connectorId }: Pick<ConnectorRow, "organizationId" | "id">,
): Promise<Grant | undefined> {
  const { agent } = principalOf(context);
  if (agent === undefined) return undefined;
  const grant = await grants.use({ organizationId, agent, connectorId });
  if (grant === undefined) throw beyondGrant({ agent }, "absent", "The agent has no grant on this connector.");
  const { expireTime } = grant;
  if (expireTime === null || expireTime.getTime() > Date.now()) return grant;
  throw beyondGrant(grant, "expired", "The agent's grant on this connector has expired.");
}

async function tellingOf<T>(work: Promise<T>, grant: Grant, asked: ReadQuery | AnyAction | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Failure ? tellable(error, grant, asked) : error;
  }
}
