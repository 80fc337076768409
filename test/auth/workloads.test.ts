import { expect, test } from "vitest";
import { unauthenticated } from "../../src/auth/principal.ts";
import { authenticateWorkloads, type ClientCertificate, parseWorkloads } from "../../src/auth/workloads.ts";

const id = "spiffe://prod.example/ns/reports/sa/reader";
const entry = { id, organization: "acme", scopes: ["connector.read"] };

const certificate = (part: Partial<ClientCertificate> = {}): ClientCertificate => ({
  ...{ problem: undefined, uris: [id], isAuthority: false, notAfter: Date.now() + 60_000 },
  ...part,
});

const gate = (...entries: object[]) =>
  authenticateWorkloads(
    async () => {
      throw unauthenticated("a token was looked at", "");
    },
    parseWorkloads(JSON.stringify(entries)),
  );

test("an entry says what its workload may do, and in whose name", async () => {
  const connectors = ["c0ffee00-0000-4000-8000-00000000000A"];
  const limits = { connectors, resources: ["public.city"] };
  expect(await gate({ ...entry, ...limits })(null, certificate())).toEqual({
    organizationId: "acme",
    id,
    authentication: "certificate",
    scopes: new Set(["connector.read"]),
    connectorIds: new Set([connectors[0]?.toLowerCase()]),
    resources: ["public.city"],
  });
});

test("the entry of an id comes before those of prefixes, and of these the longest", async () => {
  const by = (organization: string, subject: object) => ({ organization, scopes: ["connector.read"], ...subject });
  const prefixes = ["spiffe://prod.example/", "spiffe://prod.example/ns/reports/", "spiffe://prod.example/ns/"];
  const entries = prefixes.map((prefix, i) => by(`prefix-${i}`, { prefix }));
  expect((await gate(...entries)(null, certificate())).organizationId).toBe("prefix-1");
  expect((await gate(...entries, by("own", { id }))(null, certificate())).organizationId).toBe("own");
  const other = "spiffe://prod.example/ns/reportsx/a";
  expect((await gate(...entries)(null, certificate({ uris: [other] }))).organizationId).toBe("prefix-2");
});

test("a certificate that ends while its connection lasts is good no more", async () => {
  const call = gate(entry)(null, certificate({ notAfter: Date.now() - 1 }));
  await expect(call).rejects.toMatchObject({
    kind: "unauthenticated",
    message: expect.stringContaining("has expired"),
  });
});

test("a token is looked at though the certificate is good, and an empty header is none", async () => {
  await expect(gate(entry)("Bearer x", certificate())).rejects.toThrow("a token was looked at");
  expect(await gate(entry)(" ", certificate())).toMatchObject({ id });
});

const { scopes, ...unscoped } = entry;
test.each([
  ["no JSON", "{"],
  ["no list", {}],
  ["an id of another scheme", [{ ...entry, id: "https://prod.example/a" }]],
  ["an id with an empty segment", [{ ...entry, id: "spiffe://prod.example/a//b" }]],
  ["an id that leads upwards", [{ ...entry, id: "spiffe://prod.example/a/.." }]],
  ["a prefix that ends within a name", [{ ...unscoped, scopes, id: undefined, prefix: "spiffe://prod.example/a" }]],
  ["an id and a prefix", [{ ...entry, prefix: "spiffe://prod.example/" }]],
  ["neither", [{ ...entry, id: undefined }]],
  ["no scopes", [unscoped]],
  ["an unknown scope", [{ ...entry, scopes: ["connector.everything"] }]],
  ["scopes though a token says them", [{ ...entry, token: "required" }]],
  ["a misspelt limit", [{ ...entry, connector: [] }]],
  ["all resources as a limit", [{ ...entry, resources: ["*"] }]],
  ["one id twice", [entry, entry]],
])("a list with %s stops the start and says what is wrong", (_, list) => {
  const text = typeof list === "string" ? list : JSON.stringify(list);
  expect(() => parseWorkloads(text)).toThrow(
    expect.objectContaining({
      kind: "configuration_rejected",
      remedy: expect.stringContaining("SPIFFE_PRINCIPALS_FILE"),
    }),
  );
});
