/** The service with an issuer that publishes its keys over HTTPS, through the guarded dial. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { remoteKeys } from "../../src/auth/remote-keys.ts";
import { Code, type ConnectorError } from "../../src/client/index.ts";
import { createEgress } from "../../src/egress/egress.ts";
import type { Failure } from "../../src/failure.ts";
import { certificateAuthority } from "../support/certificate.ts";
import { type TestService, testService } from "../support/service.ts";

const authority = certificateAuthority();
const caFile = join(tmpdir(), `connector-service-${crypto.randomUUID()}.pem`);
let issuer: Server;
let service: TestService;

beforeAll(async () => {
  await writeFile(caFile, authority.cert);
  issuer = createServer(authority.issue(), (request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: "/jwks" }).end();
    else response.end(JSON.stringify({ keys: published }));
  });
  issuer.listen(0, "127.0.0.1");
  await once(issuer, "listening");
  service = await testService({
    ...{ JWT_JWKS_URL: `https://127.0.0.1:${portOf(issuer)}/jwks`, CA_FILE: caFile },
    ...{ JWT_ISSUER: "issuer", JWT_AUDIENCE: "connectors" },
  });
});
afterAll(async () => {
  await service.stop();
  issuer.close().closeAllConnections();
  await rm(caFile);
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function newKey(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const claims = { sub: "bob", organization_id: "acme", scope: "connector.read" };
  return {
    jwk: { ...publicKey.export({ format: "jwk" }), kid },
    token: () =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "EdDSA", kid })
        .setIssuer("issuer")
        .setAudience("connectors")
        .setExpirationTime("1h")
        .sign(privateKey),
  };
}

const first = newKey("first");
const published: object[] = [first.jwk];

async function outcomeOf(token: string): Promise<string> {
  const answer = service.clientFor(token).listProviders();
  return answer.then(
    () => "let in",
    (error: ConnectorError) => Code[error.code],
  );
}

test("a token is good when its issuer publishes its key, a new key's in the first call", async () => {
  const [second, unpublished] = [newKey("second"), newKey("other")];
  expect(await outcomeOf(await first.token())).toBe("let in");
  published.push(second.jwk);
  expect(await outcomeOf(await second.token())).toBe("let in");
  expect(await outcomeOf(await unpublished.token())).toBe("Unauthenticated");
});

test.each([
  ["whose certificate nobody trusts", () => `https://127.0.0.1:${portOf(issuer)}/jwks`, undefined, "tls_failed"],
  ["that leads elsewhere", () => `https://127.0.0.1:${portOf(issuer)}/moved`, authority.cert, undefined],
  ["at a cloud's metadata", () => "https://169.254.169.254/jwks", authority.cert, "egress_denied"],
])("an issuer %s is not believed", async (_, url, ca, kind) => {
  const { fetch } = createEgress({ allow: [], deny: [], organizations: {} }, ca);
  const keys = remoteKeys({ url: url(), fetch });
  const failure = await Promise.resolve(
    keys.getKey({ alg: "EdDSA", kid: "first" }, { payload: "", signature: "" }),
  ).then(
    () => expect.unreachable("it gave a key"),
    (error: Failure) => error,
  );
  keys.close();
  expect(failure).toMatchObject({ kind: "service_unavailable", cause: kind === undefined ? {} : { kind } });
});
