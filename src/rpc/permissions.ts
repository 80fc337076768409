/**
 * Who may call what, as data: the scopes that each RPC needs, and how far it reaches.
 * It is enforced in one place, before a request's body is read.
 */
import { authorize, type Principal, type Scope } from "../auth/principal.ts";
import { Failure } from "../failure.ts";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";

/** An RPC by its name in the generated code. */
export type Rpc = keyof typeof ConnectorService.method;

/**
 * How much an RPC may show or change. A caller that is limited to less is refused: its
 * limit could not be kept to. The handler of an RPC that reaches less keeps to it.
 */
export type Reach = "resource" | "connector" | "organization";

export interface Permission {
  /** All of them are needed; a native statement needs one more. */
  readonly scopes: readonly [Scope, ...Scope[]];
  readonly reach: Reach;
  /** Whether it may be called as an agent: it keeps to the agent's grants then. Default: it may not. */
  readonly agents?: true;
}

export const permissions: Readonly<Record<Rpc, Permission>> = {
  createConnector: { scopes: ["connector.write"], reach: "organization" },
  getConnector: { scopes: ["connector.read"], reach: "resource", agents: true },
  listConnectors: { scopes: ["connector.read"], reach: "resource", agents: true },
  // Another database or another user would turn names that a limit allows into other resources.
  updateConnector: { scopes: ["connector.write"], reach: "connector" },
  deleteConnector: { scopes: ["connector.write"], reach: "connector" },
  listProviders: { scopes: ["connector.read"], reach: "resource" },
  testConnector: { scopes: ["connector.read"], reach: "resource", agents: true },
  getSchema: { scopes: ["connector.read"], reach: "resource", agents: true },
  query: { scopes: ["connector.query"], reach: "resource", agents: true },
  streamQuery: { scopes: ["connector.query"], reach: "resource", agents: true },
  explainQuery: { scopes: ["connector.query"], reach: "resource", agents: true },
  execute: { scopes: ["connector.execute"], reach: "connector", agents: true },
  startAuthorization: { scopes: ["connector.write"], reach: "connector" },
  getStats: { scopes: ["connector.read"], reach: "resource" },
  // Others' queries name resources, and native ones show all of their text.
  listQueries: { scopes: ["connector.audit.read"], reach: "connector" },
  listAuditLogs: { scopes: ["connector.audit.read"], reach: "organization" },
  exportAuditLogs: { scopes: ["connector.audit.read"], reach: "organization" },
  grantConnector: { scopes: ["connector.admin"], reach: "connector" },
  revokeConnector: { scopes: ["connector.admin"], reach: "connector" },
  listAgentConnectors: { scopes: ["connector.read"], reach: "organization", agents: true },
  // A key reaches no more than its maker.
  createApiKey: { scopes: ["connector.admin"], reach: "resource" },
  listApiKeys: { scopes: ["connector.admin"], reach: "organization" },
  revokeApiKey: { scopes: ["connector.admin"], reach: "organization" },
};

/**
 * Lets the call pass or throws a permission_denied Failure that says which scope or which
 * reach the caller lacks. An RPC that the table does not have is nobody's.
 */
export function authorizeCall(principal: Principal, rpc: string): void {
  const permission = Object.hasOwn(permissions, rpc) ? permissions[rpc as Rpc] : undefined;
  if (permission === undefined) throw new Failure("internal", "The RPC has no entry among the permissions.");
  for (const scope of permission.scopes) authorize(principal, scope);
  if (principal.agent !== undefined && permission.agents !== true) throw notForAgents(principal.agent);
  const { connectorIds, resources } = principal;
  if (connectorIds !== undefined && permission.reach === "organization") throw limited("connectors", permission);
  if (resources !== undefined && permission.reach !== "resource") throw limited("resources", permission);
}

function limited(to: "connectors" | "resources", { scopes: [scope] }: Permission): Failure {
  return new Failure("permission_denied", `The caller is limited to some ${to}, and this call reaches beyond them.`, {
    where: "caller",
    remedy: `Call with an API key or a token that is not limited to ${to}.`,
    metadata: { scope },
  });
}

function notForAgents(agent: string): Failure {
  return new Failure("permission_denied", "An agent can't make this call, whatever its grants.", {
    where: "caller",
    remedy: "Make it without the header Connector-Agent, with an API key or a token that is no agent's.",
    metadata: { agent },
  });
}
