import type { OAuthServer } from "../../support/oauth-server.ts";
import { newGrant } from "../../support/oauth-tokens.ts";
import type { Target } from "../fixture.ts";
import type { ReadOnlyApi } from "../read-only.ts";
import { answerOf } from "./answer.ts";

/** What an OpenID server tells who may ask: its keys to all, and of a user what the user has granted. */
export async function openIdApi(server: OAuthServer): Promise<ReadOnlyApi> {
  const { issuer, ca, clients } = server;
  const { accessToken } = await newGrant(server);
  const authorization = `Bearer ${accessToken}`;
  return {
    // A refresh token is good once, and so for one connector.
    target: async () => targetOf(server, (await newGrant(server)).refreshToken ?? ""),
    stranger: targetOf(server, `another one's, for ${clients.post.id}`),
    readings: [
      { query: { resource: "userinfo" }, rows: () => answerOf(`${issuer}/me`, [], { ca, headers: { authorization } }) },
      { query: { resource: "keys" }, rows: () => answerOf(`${issuer}/jwks`, ["keys"], { ca }) },
    ],
  };
}

function targetOf({ issuer, ca, clients: { post: client } }: OAuthServer, refreshToken: string): Target {
  const authentication = {
    ...{ type: "oauth2_refresh_token", issuer, ca },
    ...{ client_id: client.id, client_authentication: "client_secret_post" },
  };
  const resources = [
    { name: "userinfo", path: "/me", fields: [{ name: "sub", type: "string", nullable: false }] },
    { name: "keys", path: "/jwks", rows: { format: "json", path: "/keys" } },
  ];
  return {
    config: { base_url: issuer, ca, authentication, resources, test: { path: "/me" } },
    credential: { type: "oauth2_refresh_token", client_secret: client.secret, refresh_token: refreshToken },
  };
}
