import type { OAuthServer } from "../../support/oauth-server.ts";
import { newGrant } from "../../support/oauth-tokens.ts";
import type { Target } from "../fixture.ts";
import type { ReadOnlyApi, ReadOnlyFixture } from "../read-only/api.ts";
import { answerOf } from "./answer.ts";
import { localhost, withBase } from "./network.ts";

/** What an OpenID server tells who may ask: its keys to all, and of a user what the user has granted. */
export const openIdFixture = (server: () => OAuthServer): ReadOnlyFixture => ({
  name: "an OpenID server",
  unchanged: "claims",
  network: localhost,
  lacks: ["json_or_parameter", "number", "required_filter", "sent_text"],
  mistakes: {
    database: withBase((base) => `${base}/nowhere`),
    // Who has signed its certificate is none that everybody believes.
    tls({ config: { ca: _, ...config }, credential }) {
      return { config, credential };
    },
  },
  open: () => openIdApi(server()),
});

async function openIdApi(server: OAuthServer): Promise<ReadOnlyApi> {
  const { issuer, ca } = server;
  const { accessToken } = await newGrant(server);
  const authorization = `Bearer ${accessToken}`;
  return {
    // A refresh token is good once, and so for one connector.
    target: () => openIdTarget(server),
    readings: [
      {
        query: { resource: "claims" },
        rows: () => answerOf(`${issuer}/.well-known/openid-configuration`, ["claims_supported"], { ca }),
        paths: { value: "" },
      },
      { query: { resource: "keys" }, rows: () => answerOf(`${issuer}/jwks`, ["keys"], { ca }) },
      { query: { resource: "userinfo" }, rows: () => answerOf(`${issuer}/me`, [], { ca, headers: { authorization } }) },
    ],
  };
}

export async function openIdTarget(server: OAuthServer): Promise<Target> {
  return targetOf(server, (await newGrant(server)).refreshToken ?? "");
}

const at = (path: string) => ({ format: "json", path });

function targetOf({ issuer, ca, clients: { post: client } }: OAuthServer, refreshToken: string): Target {
  const authentication = {
    ...{ type: "oauth2_refresh_token", issuer, ca },
    ...{ client_id: client.id, client_authentication: "client_secret_post" },
  };
  const resources = [
    { name: "userinfo", path: "/me", fields: [{ name: "sub", type: "string", nullable: false }] },
    {
      ...{ name: "claims", path: "/.well-known/openid-configuration", rows: at("/claims_supported") },
      fields: [{ name: "value", path: "", type: "string", nullable: false }],
    },
    { name: "keys", path: "/jwks", rows: at("/keys") },
  ];
  return {
    config: { base_url: issuer, ca, authentication, resources, test: { path: "/me" } },
    credential: { type: "oauth2_refresh_token", client_secret: client.secret, refresh_token: refreshToken },
  };
}
