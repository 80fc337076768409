/** Workloads that call by certificates: over gRPC, HTTP/2 and HTTP/1.1, with good ones and bad ones. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, ConnectorError } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { call, grpcClient } from "../server/grpc-js.ts";
import { type Certificate, certificateAuthority, type Leaf, selfSignedCertificate } from "../support/certificate.ts";
import { type TestService, testService } from "../support/service.ts";

const directory = mkdtempSync(join(tmpdir(), "connector-service-"));
const authority = certificateAuthority("workloads");
const elsewhere = certificateAuthority("elsewhere");
const server = authority.issue();
const limited = crypto.randomUUID();

const reader = "spiffe://prod.example/ns/reports/sa/reader";
const careful = "spiffe://prod.example/ns/batch/careful/one";
const principals = [
  { id: reader, organization: "acme", scopes: ["connector.read"], connectors: [limited] },
  { prefix: "spiffe://prod.example/ns/batch/", organization: "acme", scopes: ["connector.query"] },
  { prefix: "spiffe://prod.example/ns/batch/careful/", organization: "acme", token: "required" },
];

function written(name: string, content: string): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

const environment = {
  TLS_CERT: written("server.pem", server.cert),
  TLS_KEY: written("server.key", server.key),
  TLS_CLIENT_CA: written("ca.pem", authority.cert),
  SPIFFE_PRINCIPALS_FILE: written("principals.json", JSON.stringify(principals)),
};

let service: TestService;

beforeAll(async () => {
  service = await testService(environment);
});
afterAll(async () => {
  await service.stop();
  rmSync(directory, { recursive: true });
});

const workload = (uri: string, leaf: Leaf = {}) => authority.issue({ names: [uri], ...leaf });

const protocols = {
  "Connect over HTTP/2": (options: object, common: Common) =>
    createConnectTransport({ ...common, httpVersion: "2", nodeOptions: options }),
  "Connect over HTTP/1.1": (options: object, common: Common) =>
    createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: { ...options, agent: undefined } }),
  gRPC: (options: object, common: Common) => createGrpcTransport({ ...common, nodeOptions: options }),
};
type Protocol = keyof typeof protocols;
interface Common {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
}

/** A client that shows this certificate, and this token. */
function clientWith(
  certificate: Partial<Certificate>,
  { token, protocol = "gRPC", of = service }: { token?: string; protocol?: Protocol; of?: TestService } = {},
) {
  const authorized: Interceptor = (next) => (request) => {
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const options = { ...certificate, ca: authority.cert };
  return createClient(ConnectorService, protocols[protocol](options, { baseUrl: of.url, interceptors: [authorized] }));
}

async function failureOf(answer: Promise<unknown>): Promise<ConnectorError> {
  return answer.then(
    () => expect.unreachable("the call was let through"),
    (error) => ConnectorError.from(error),
  );
}

describe.each(Object.keys(protocols) as Protocol[])("by %s", (protocol) => {
  test("a workload's certificate says who calls and what it may do", async () => {
    const client = clientWith(workload(reader), { protocol });
    expect((await client.listProviders({})).providers.length).toBeGreaterThan(0);
    const query = { connectorId: limited, query: { source: { case: "resource" as const, value: "city" } } };
    expect(await failureOf(client.query(query))).toMatchObject({
      code: Code.PermissionDenied,
      metadata: { scope: "connector.query" },
    });
    const stranger = await failureOf(client.getConnector({ connectorId: crypto.randomUUID() }));
    expect(stranger).toMatchObject({ code: Code.NotFound });
  });

  test("who shows no certificate calls by a token", async () => {
    expect(await failureOf(clientWith({}, { protocol }).listProviders({}))).toMatchObject({
      code: Code.Unauthenticated,
      remedy: expect.stringContaining("certificate"),
    });
    await clientWith({}, { protocol, token: service.token }).listProviders({});
  });
});

test("a client of grpc-js calls by its certificate", async () => {
  const { cert, key } = workload(reader);
  const secured = credentials.createSsl(...[authority.cert, key, cert].map((pem) => Buffer.from(pem)));
  const port = Number(new URL(service.url).port);
  const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto", secured);
  expect(await call(client, "ListProviders", {})).toMatchObject({
    providers: expect.arrayContaining([expect.anything()]),
  });
});

describe("a token", () => {
  test("comes before the certificate", async () => {
    const client = clientWith(workload(reader), { token: service.token });
    expect((await client.listApiKeys({})).apiKeys).toHaveLength(1);
    expect(await failureOf(clientWith(workload(reader), { token: "csk.x" }).listProviders({}))).toMatchObject({
      code: Code.Unauthenticated,
      message: expect.stringContaining("API key is malformed"),
    });
  });

  test("must be shown besides where the list says so, and be of the workload's organization", async () => {
    const certificate = workload(careful);
    expect(await failureOf(clientWith(certificate).listProviders({}))).toMatchObject({
      code: Code.Unauthenticated,
      message: expect.stringContaining("must send a token besides"),
    });
    await clientWith(certificate, { token: service.token }).listProviders({});
    const foreign = await service.tokenFor("globex", "connector.admin");
    expect(await failureOf(clientWith(certificate, { token: foreign }).listProviders({}))).toMatchObject({
      code: Code.Unauthenticated,
      message: expect.stringContaining("another organization"),
    });
  });
});

describe("a certificate", () => {
  const bad: [string, Certificate, string][] = [
    ["of another authority", elsewhere.issue({ names: [reader] }), "not signed by an authority"],
    ["of a namesake of the authority", certificateAuthority("workloads").issue({ names: [reader] }), "can"],
    ["signed by itself", selfSignedCertificate(), "signed by itself"],
    ["that has expired", workload(reader, { years: [2020, 2021] }), "has expired"],
    ["that is not valid yet", workload(reader, { years: [2048, 2049] }), "not valid yet"],
    ["without a SPIFFE id", authority.issue(), "names no workload"],
    ["with two ids", authority.issue({ names: [reader, careful] }), "names no workload"],
    ["with an id and another URI", authority.issue({ names: [reader, "https://a.example"] }), "names no workload"],
    ["with a malformed id", workload("spiffe://prod.example/ns/batch/../reports"), "names no workload"],
    ["with two ids in one", workload(`${reader}, URI:${careful}`), "names no workload"],
    ["of a whole trust domain", workload("spiffe://prod.example"), "names no workload"],
    ["of an authority", workload(reader, { isAuthority: true }), "names no workload"],
    ["of an unknown workload", workload(`${reader}2`), "is not one that this service knows"],
    ["of another trust domain", workload(reader.replace("prod", "test")), "is not one that this service knows"],
  ];
  test.each(bad)("%s is no way in, and its holder is told why; a token is", async (_, certificate, message) => {
    expect(await failureOf(clientWith(certificate).listProviders({}))).toMatchObject({
      code: Code.Unauthenticated,
      reason: "UNAUTHENTICATED",
      message: expect.stringContaining(message),
      remedy: expect.stringMatching(/\.$/),
    });
    await clientWith(certificate, { token: service.token }).listProviders({});
  });

  test("is needed for every connection where the operator says so", async () => {
    const strict = await testService({ ...environment, TLS_CLIENT_AUTH: "required" });
    try {
      await clientWith(workload(reader), { of: strict }).listProviders({});
      await clientWith(workload(`${reader}2`), { of: strict, token: strict.token }).listProviders({});
      for (const certificate of [{}, elsewhere.issue({ names: [reader] }), workload(reader, { years: [2020, 2021] })]) {
        for (const protocol of Object.keys(protocols) as Protocol[]) {
          const failure = await failureOf(
            clientWith(certificate, { of: strict, token: strict.token, protocol }).listProviders({}),
          );
          // The handshake fails: nothing is heard of the service.
          expect(failure.reason).toBeUndefined();
        }
      }
    } finally {
      await strict.stop();
    }
  });
});
