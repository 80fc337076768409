/** What is believed of a server's certificate. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { expect, onTestFinished, test, vi } from "vitest";
import { certificatesProblem } from "../../src/egress/certificates.ts";
import { createTrust, encrypt, tlsProblem } from "../../src/egress/tls.ts";
import { certificateAuthority, selfSignedCertificate } from "../support/certificate.ts";

const root = certificateAuthority();
const intermediate = root.authority("intermediate");
const leaf = intermediate.issue();
const chain = { cert: leaf.cert + intermediate.cert, key: leaf.key };
const operators = createTrust(root.cert);

async function serve(options: TlsOptions): Promise<number> {
  const server = createServer(options, (socket) => socket.on("error", () => {}).end());
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface Asked {
  readonly host?: string;
  readonly ca?: string;
  readonly anyName?: boolean;
  readonly trust?: typeof operators;
}

/** The protocol that was agreed on, or the code of what went wrong. */
async function shake(port: number, { host = "localhost", trust = operators, ...more }: Asked = {}): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  try {
    const encrypted = await encrypt(socket, { host, trust, ...more }, new AbortController().signal);
    const protocol = encrypted.getProtocol() ?? "";
    encrypted.destroy();
    return protocol;
  } catch (error) {
    expect(socket.destroyed).toBe(true);
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

test("a chain that leads to the operator's authority is believed, for every name in it", async () => {
  const port = await serve(chain);
  expect(await shake(port)).toBe("TLSv1.3");
  expect(await shake(port, { host: "LOCALHOST." })).toBe("TLSv1.3");
  expect(await shake(port, { host: "127.0.0.1" })).toBe("TLSv1.3");
});

test("the operator's authority stands beside the public ones, and a server's own instead of all", async () => {
  const port = await serve(chain);
  const other = certificateAuthority("other");
  expect(await shake(port, { trust: createTrust() })).not.toBe("TLSv1.3");
  expect(await shake(port, { trust: createTrust(), ca: root.cert })).toBe("TLSv1.3");
  expect(await shake(port, { ca: other.cert })).not.toBe("TLSv1.3");
});

test.each([
  ["another name", { cert: intermediate.issue({ names: ["db.example.com"] }), host: "localhost" }, /another name/],
  [
    "an address that is not in it",
    { cert: intermediate.issue({ names: ["localhost"] }), host: "127.0.0.1" },
    /another/,
  ],
  ["a time that has passed", { cert: intermediate.issue({ years: [2020, 2021] }), host: "localhost" }, /has expired/],
  ["a time to come", { cert: intermediate.issue({ years: [2048, 2049] }), host: "localhost" }, /not valid yet/],
])("a certificate for %s is refused", async (_what, { cert: { cert, key }, host }, problem) => {
  const port = await serve({ cert: cert + intermediate.cert, key });
  expect(tlsProblem(await shake(port, { host }))).toMatch(problem);
});

test("a certificate of somebody else's authority is refused, and one that nobody has signed", async () => {
  const other = certificateAuthority("root").authority("intermediate");
  const { cert, key } = other.issue();
  expect(tlsProblem(await shake(await serve({ cert: cert + other.cert, key })))).toMatch(/nobody who is trusted/);
  expect(tlsProblem(await shake(await serve(selfSignedCertificate())))).toMatch(/nobody who is trusted/);
});

test("a server that leaves out the authority between is refused", async () => {
  expect(tlsProblem(await shake(await serve(leaf)))).toMatch(/is missing/);
});

test("only the name is looked away from where the name may differ", async () => {
  const { cert, key } = intermediate.issue({ names: ["db.example.com"] });
  expect(await shake(await serve({ cert: cert + intermediate.cert, key }), { anyName: true })).toBe("TLSv1.3");
  const stranger = certificateAuthority("other").issue({ names: ["db.example.com"] });
  expect(await shake(await serve(stranger), { anyName: true })).not.toBe("TLSv1.3");
});

test("nothing older than TLS 1.2 is agreed on", async () => {
  const old = { ...chain, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  expect(tlsProblem(await shake(await serve(old)))).toBe("the two sides could not agree");
  expect(await shake(await serve({ ...chain, maxVersion: "TLSv1.2" }))).toBe("TLSv1.2");
});

test("the environment switches nothing off", async () => {
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  onTestFinished(() => void vi.unstubAllEnvs());
  const other = certificateAuthority("other").issue();
  expect(await shake(await serve(other))).not.toBe("TLSv1.3");
});

test("a server that ends the connection, or says nothing, is given up", async () => {
  const port = await serve(chain);
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const reason = new Error("given up");
  const shaking = encrypt(socket, { host: "localhost", trust: operators }, AbortSignal.abort(reason));
  await expect(shaking).rejects.toBe(reason);
  expect(socket.destroyed).toBe(true);
});

test.each([
  ["", /must be one or more certificates in PEM/],
  ["/etc/ssl/certs/ca.pem", /must be one or more certificates in PEM/],
  [leaf.key, /private key/],
  [leaf.cert + leaf.key, /private key/],
  ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /certificate 1 can't be read/],
  [`${root.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, /certificate 2 can't be read/],
  [root.cert.repeat(51), /at most 50/],
])("what is no certificate is told from one: %#", (pem, problem) => {
  expect(certificatesProblem(pem)).toMatch(problem);
  expect(certificatesProblem(root.cert + intermediate.cert)).toBeUndefined();
});
