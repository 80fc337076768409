/** Any HTTP API, by what its connector declares of it. */
import { Failure } from "../failure.ts";
import { defineProvider } from "./contract.ts";
import { authenticationEndpoint, authenticationMisfits, userAuthorization } from "./http/auth/authentication.ts";
import { authenticationCredential } from "./http/auth/declaration.ts";
import { type ConnectorConfig, connectorConfig } from "./http/config/connector.ts";
import { examined } from "./http/openapi/examination.ts";
import { openHttpSession } from "./http/session.ts";

const id = "rest";

export default defineProvider({
  id,
  title: "REST API",
  type: "api",
  capabilities: ["test", "schema", "query", "explain", "execute"],
  config: connectorConfig,
  credential: authenticationCredential.optional(),
  endpoint: ({ base_url, ca = "", authentication }) => ({ base_url, ca, ...authenticationEndpoint(authentication) }),
  misfits: ({ authentication }, credential) => authenticationMisfits(authentication, credential ?? { type: "none" }),
  open: (config, credential, context) => openHttpSession({ config, credential, context, upstream: id }),
  examine: examined,
  authorization: userAuthorization(({ authentication }: ConnectorConfig) => authentication),
  // Whatever goes wrong is told by what it means, where it happens.
  classify: (cause) => (cause instanceof Failure ? cause : undefined),
});
