/** OAuth: a user grants a connector access in a browser, and the service keeps the tokens fresh. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOf } from "../../support/oauth-browser.ts";
import type { OAuthServer } from "../../support/oauth-server.ts";
import { expect, LeftOut, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";

/** An HTTP API that takes the OAuth server's access tokens. */
async function startApi(oauth: OAuthServer) {
  const server = createServer(async (request, response) => {
    const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const accepted = await oauth.accepts(token);
    response.writeHead(accepted ? 200 : 401, { "content-type": "application/json" });
    response.end(accepted ? JSON.stringify([{ id: 1, name: "first" }]) : "{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

export function authorizing(oauth: OAuthServer): readonly Section<Stage>[] {
  return [{ title: "OAuth: a user grants access", run: (stage, did) => authorize(oauth, stage, did) }];
}

async function authorize(oauth: OAuthServer, stage: Stage, did: Parameters<Section<Stage>["run"]>[1]): Promise<void> {
  if (stage.own === undefined) throw new LeftOut("it needs an authorization server.");
  const api = await startApi(oauth);
  stage.later(async () => api.stop());
  const { id: client_id, secret } = oauth.clients.post;
  const { id } = await stage.connect({
    ...{ provider: "rest", name: stage.named("granted") },
    config: {
      base_url: `http://127.0.0.1:${api.port}`,
      resources: [{ name: "things", path: "/things" }],
      authentication: {
        ...{ type: "oauth2_authorization_code", issuer: oauth.issuer, client_id },
        ...{ client_authentication: "client_secret_post", scopes: ["openid", "offline_access"] },
        authorization_parameters: { prompt: "consent" },
      },
    },
    credential: { type: "oauth2_authorization_code", client_secret: secret },
  });
  const query = () => stage.client.query<{ name: string }>(id, { resource: "things" });
  await did("Query before anybody has granted anything is refused", () => refused("CREDENTIAL_REJECTED", query()));
  const returnUri = `${stage.own.returnOrigin}/done`;
  const { authorizationUri } = await did("StartAuthorization", () =>
    stage.client.rpc.startAuthorization({ connectorId: id, returnUri }),
  );
  const callback = await did("the user signs in and consents at the authorization server", () =>
    answerOf(new URL(authorizationUri), { ca: oauth.ca }),
  );
  const { headers } = await did("the browser comes back to the service, and is sent on", () =>
    fetch(callback, { redirect: "manual" }),
  );
  expect(headers.get("location") === `${returnUri}?connector_id=${id}`, `It is sent to ${headers.get("location")}.`);
  const page = await did("Query with what was granted", query);
  expect(page.rows[0]?.name === "first", "It reads something else.");
}
