/** Everything that a connector of an HTTP API declares, but for its secrets. */
import { z } from "zod";
import { authorities } from "../../connections/authorities.ts";
import { authenticationConfig } from "../auth/declaration.ts";
import type { HttpAction, HttpResource } from "../declaration.ts";
import { action, httpAction } from "./change.ts";
import { paging, pagingStyle } from "./paging.ts";
import { headerName, headers, path } from "./parts.ts";
import { httpResource, resource } from "./resource.ts";

const baseUrl = z
  .string()
  .max(2_000)
  .refine(isBaseUrl, "must be an https:// URL without user, password, query and fragment: https://api.example.com/v1")
  .describe(
    "Where the API is. Everything is asked of this server, below this path. http:// goes only where the operator has opened the way.",
  );

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\//i.test(text) || url.hostname === "") return false;
  return url.username === "" && url.password === "" && !/[?#\\]/.test(text);
}

const ca = authorities.describe(
  "Certificates in PEM of the authorities that sign the server's, trusted instead of all others.",
);

const openapi = z
  .union([
    z.strictObject({ path: path.describe("Where the API serves it, behind the base URL: /openapi.json.") }),
    z.strictObject({ document: z.string().max(3_000_000).describe("The document itself, in JSON or YAML.") }),
  ])
  .optional()
  .describe("An OpenAPI 3.0 or 3.1 document, whose operations become resources and actions besides those declared.");

export const connectorConfig = z
  .strictObject({
    base_url: baseUrl,
    authentication: authenticationConfig,
    headers,
    ca,
    test: z
      .strictObject({ path })
      .optional()
      .describe("What TestConnector asks for by GET. Default: the first page of a resource, else the base URL."),
    paging: paging.default({ style: "none" }).describe("Of resources that say nothing else."),
    trace_context: z
      .boolean()
      .default(true)
      .describe(
        "Whether requests say which trace they are a part of, by the header traceparent of W3C Trace Context: random ids, and nothing else.",
      ),
    idempotency_header: headerName.optional().describe("The header for a caller's idempotency key: Idempotency-Key."),
    resources: z.array(resource).max(500).default([]),
    actions: z.array(action).max(500).default([]).describe("What Execute can do besides changing rows."),
    openapi,
  })
  .superRefine(({ resources, actions }, context) => {
    for (const [path, named] of [
      ["resources", resources],
      ["actions", actions],
    ] as const) {
      const names = named.map(({ name }) => name);
      names.forEach((name, i) => {
        if (names.indexOf(name) === i) return;
        context.addIssue({ code: "custom", path: [path, i, "name"], message: "is another one's, too" });
      });
    }
  });

export type ConnectorConfig = z.output<typeof connectorConfig>;

export interface Declared {
  readonly resources: readonly HttpResource[];
  readonly actions: readonly HttpAction[];
}

export function declaredIn(config: ConnectorConfig): Declared {
  const { idempotency_header: idempotencyHeader } = config;
  const defaults = { paging: pagingStyle(config.paging), idempotencyHeader };
  return {
    resources: config.resources.map((each) => httpResource(each, defaults)),
    actions: config.actions.map((each) => httpAction(each, idempotencyHeader)),
  };
}
