/** A session with an HTTP API: queries, streams and actions of what its connector declares. */
import type { Dial } from "../../egress/dial.ts";
import { createTrust } from "../../egress/tls.ts";
import { Failure } from "../../failure.ts";
import type { Call, ReadQuery, ResourceQuery, Session, SessionContext } from "../contract.ts";
import { authenticationOf } from "./auth/authentication.ts";
import type { AuthenticationCredential } from "./auth/declaration.ts";
import { createCatalog } from "./catalog.ts";
import { changed, rehearsed } from "./changing/change.ts";
import { actionNamed, performed } from "./changing/named.ts";
import { planChange } from "./changing/plan.ts";
import { createHttpClient } from "./client.ts";
import type { ConnectorConfig } from "./config/connector.ts";
import type { HttpRequest } from "./exchange.ts";
import { explained } from "./explain.ts";
import { planRead, type ReadPlan } from "./plan.ts";
import { readPage } from "./reading/page.ts";
import { pageSource } from "./reading/source.ts";
import { openStream } from "./reading/stream.ts";
import { namesIn, requestOf } from "./request.ts";
import { describe } from "./schema.ts";
import { tested } from "./testing.ts";

export interface HttpSessionOptions {
  readonly config: ConnectorConfig;
  /** Undefined for none. */
  readonly credential: AuthenticationCredential | undefined;
  readonly context: SessionContext;
  /** The provider's id. */
  readonly upstream: string;
}

export function openHttpSession({ config, credential, context, upstream }: HttpSessionOptions): Session {
  const base = new URL(config.base_url);
  const { places, maxConnections, trust = createTrust() } = context;
  const authentication = authenticationOf(config.authentication, credential, { ...context, trust });
  const tellsTrace = config.trace_context && context.traces?.headers === true;
  const own = { baseUrl: base, authentication, ca: config.ca, tellsTrace, upstream };
  const connect = (dial: Dial) => createHttpClient({ ...own, dial, trust, places, maxConnections });
  const client = connect(context.dial);
  const headers = lowered(config.headers);
  const parts = { base, client, headers, upstream };
  const catalog = createCatalog(config, parts, context.tenant ?? "");

  async function planned(query: ReadQuery, call: Call): Promise<ReadPlan> {
    const { resource: name, ...rest } = ofResource(query);
    const resource = await catalog.resource(name, call);
    return planRead({ resource: name, ...rest }, resource);
  }

  return {
    test: async (call) =>
      tested(
        {
          ...{ base, connect, dial: context.dial, request: testRequest(config, base, headers) },
          isAnonymous: config.authentication.type === "none",
          notes: () => catalog.notes(call),
        },
        call,
      ),
    schema: async (call) => (await catalog.resources(true, call)).map(describe),
    actions: async (call) =>
      (await catalog.actions(call)).map(({ name, description, input }) => ({ name, description, input })),
    async query(query, page, call) {
      const plan = await planned(query, call);
      return readPage(pageSource(plan, parts), plan, page, call);
    },
    async stream(query, call) {
      const plan = await planned(query, call);
      return openStream(pageSource(plan, parts), plan, call);
    },
    explain: async (query, page, call) => explained(await planned(query, call), base, page),
    async execute(request, call) {
      const plan = planChange(request, await catalog.resource(request.action.resource, call));
      return request.dryRun ? rehearsed(plan) : changed(plan, request, parts, call);
    },
    async perform(request, call) {
      return performed(actionNamed(request.action.name, await catalog.actions(call)), request, parts, call);
    },
    close: () => client.close(),
  };
}

function ofResource(query: ReadQuery): ResourceQuery {
  if (query.kind === "resource") return query;
  throw new Failure("unsupported", "An HTTP API has no statements of its own.", { where: "request" });
}

const lowered = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Something that can be asked without knowing anything. */
function testRequest(
  { test, resources, openapi }: ConnectorConfig,
  base: URL,
  headers: Record<string, string>,
): HttpRequest {
  const readable = resources.find(({ method, path }) => method === "GET" && namesIn(path).length === 0);
  const document = openapi !== undefined && "path" in openapi ? openapi.path : undefined;
  const path = test?.path ?? readable?.path ?? document ?? "/";
  const query = test === undefined ? (readable?.query ?? {}) : {};
  return requestOf({ base, method: "GET", path, query, body: undefined, assignments: [], headers });
}
