/** What a server that asks for the password gets of it. */
import { createHash, generateKeyPairSync, privateDecrypt } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import type { TlsMode } from "../../../src/providers/sql/socket.ts";
import { certificateAuthority } from "../../support/certificate.ts";
import { rogueServer } from "../../support/service.ts";
import { answering, type Greeting, greeting, ok, packet, scramble, textResult } from "./rogue.ts";

const password = "correct horse battery staple";
const authority = certificateAuthority();
const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));

const hash = (algorithm: string, ...parts: (string | Buffer)[]) => {
  const made = createHash(algorithm);
  for (const part of parts) made.update(part);
  return made.digest();
};
const xor = (a: Buffer, b: Buffer) => a.map((byte, i) => byte ^ (b[i % b.length] as number));

/** What MySQL means by them ("Authentication Methods" of its documentation). */
const proofs = {
  mysql_native_password: xor(hash("sha1", password), hash("sha1", scramble, hash("sha1", hash("sha1", password)))),
  caching_sha2_password: xor(
    hash("sha256", password),
    hash("sha256", hash("sha256", hash("sha256", password)), scramble),
  ),
};

const switchTo = (method: string) => (number: number) => packet(number, [0xfe], `${method}\0`, `${scramble}\0`);
const more =
  (...bytes: number[]) =>
  (number: number) =>
    packet(number, [1], bytes);

interface Server extends Greeting {
  /** What it says to each proof, one after the other, and then that it lets in. */
  readonly asks?: readonly ((number: number) => Buffer)[];
  /** What it says behind its greeting, unasked. */
  readonly behind?: Buffer;
}

/** The question for TLS, with the packet's header. */
const tlsRequestBytes = 36;

/** Asks as it is told to and lets in whoever answers; gives what it has heard, and what became of the caller. */
async function login(server: Server, tls: TlsMode = "disable", serverPublicKey?: string) {
  const heard: Buffer[] = [];
  const questions = [...(server.asks ?? [])];
  const converse = (socket: Socket) => {
    socket.on("error", () => {});
    answering(socket, (body, number) => {
      heard.push(Buffer.from(body));
      // Commands are counted from 0, and what belongs to a login is not.
      if (number === 0) return body.toString("latin1", 1).startsWith("SELECT") ? textResult("1", "x", "8.4.0") : ok(1);
      return (questions.shift() ?? ok)(number + 1);
    });
  };
  const rogue = await rogueServer((socket) => {
    socket.write(
      Buffer.concat([greeting({ ...server, tls: server.tls ?? tls !== "disable" }), server.behind ?? Buffer.alloc(0)]),
    );
    if (tls === "disable" || server.tls === false) return converse(socket);
    socket.once("data", (request: Buffer) => {
      heard.push(request.subarray(4, tlsRequestBytes));
      socket.pause();
      if (request.length > tlsRequestBytes) socket.unshift(request.subarray(tlsRequestBytes));
      converse(new TLSSocket(socket, { isServer: true, ...authority.issue() }));
    });
  });
  onTestFinished(() => rogue.stop());
  const target = { host: "127.0.0.1", port: rogue.port, database: "d", user: "u", tls, ca: authority.cert };
  const opening = SourceConnection.open({ ...target, serverPublicKey }, password, dial, AbortSignal.timeout(10_000));
  const outcome = await opening.then(
    (connection) => {
      connection.close();
      return "let in";
    },
    (error: unknown) => error,
  );
  return { heard, said: Buffer.concat(heard), outcome };
}

const refused = { kind: "credential_rejected", where: "credential", upstream: "mysql" };

describe("the password itself", () => {
  const methods = ["mysql_clear_password", "dialog", "mysql_old_password", "", "sha256_password"];
  const unknown = [
    "__proto__",
    "constructor",
    "toString",
    "authentication_fido_client",
    "auth_gssapi_client",
    "x".repeat(60_000),
  ];

  test.each([...methods, ...unknown])("is not sent to a server without TLS that asks for %j", async (method) => {
    for (const server of [{ asks: [switchTo(method)] }, { method, asks: [switchTo(method)] }]) {
      const { said, outcome } = await login(server);
      expect(outcome).toMatchObject({ ...refused, remedy: expect.stringMatching(/caching_sha2_password|verify_full/) });
      expect(said.includes(password)).toBe(false);
    }
  });

  test.each(methods.slice(0, 4))("is not sent to one with TLS that asks for %j", async (method) => {
    const { said, outcome } = await login({ asks: [switchTo(method)] }, "verify_full");
    expect(outcome).toMatchObject(refused);
    expect(said.includes(password)).toBe(false);
  });

  test("is sent to a server with TLS that does not remember it (caching_sha2_password)", async () => {
    const server = { method: "caching_sha2_password", asks: [more(4)] };
    const { heard, outcome } = await login(server, "verify_full");
    expect(outcome).toBe("let in");
    expect(heard).toContainEqual(Buffer.from(`${password}\0`));
  });

  test("is not sent without TLS, not even encrypted with a key that the server gives", async () => {
    const server = { method: "caching_sha2_password", asks: [more(4)] };
    const { said, heard, outcome } = await login(server);
    expect(outcome).toMatchObject({ ...refused, remedy: expect.stringMatching(/verify_full.*server_public_key/) });
    expect(heard).toHaveLength(1);
    expect(said.includes(password)).toBe(false);
  });

  test("is sent without TLS encrypted with the key that the connector gives", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
    const { heard, said, outcome } = await login({ method: "caching_sha2_password", asks: [more(4)] }, "disable", pem);
    expect(outcome).toBe("let in");
    const mixed = privateDecrypt({ key: privateKey, oaepHash: "sha1" }, heard[1] as Buffer);
    expect(xor(mixed, Buffer.from(scramble)).toString()).toBe(`${password}\0`);
    expect(said.includes(password)).toBe(false);
  });
});

describe("a proof that the password is known", () => {
  test.each(["mysql_native_password", "caching_sha2_password"] as const)("is sent by %s", async (method) => {
    for (const server of [{ method }, { asks: [switchTo(method)] }]) {
      const { said, outcome } = await login(server);
      expect(outcome).toBe("let in");
      expect(said.includes(proofs[method])).toBe(true);
    }
  });

  test("is taken by a server that remembers the password, and says so", async () => {
    const { heard, outcome } = await login({
      method: "caching_sha2_password",
      asks: [(number) => Buffer.concat([more(3)(number), ok(number + 1)])],
    });
    expect(outcome).toBe("let in");
    expect(heard[1]?.toString("latin1", 1)).toMatch(/^SELECT/);
  });
});

test("a server is told of the program no more than its name, and of no files or second statements", async () => {
  const { heard } = await login({});
  const [first] = heard as [Buffer];
  const [localFiles, multiStatements, multiResults] = [0x80, 0x1_0000, 0x2_0000];
  expect(first.readUInt32LE(0) & (localFiles | multiStatements | multiResults)).toBe(0);
  const attributes = first.subarray(first.indexOf("program_name") - 1);
  expect(attributes.toString("latin1")).toBe("\x0cprogram_name\x11connector-service");
});

describe("TLS", () => {
  test("that a server does not offer is not done without", async () => {
    const { said, outcome } = await login({ tls: false }, "verify_full");
    expect(outcome).toMatchObject({ kind: "tls_failed", remedy: expect.stringContaining("disable") });
    expect(said).toHaveLength(0);
  });

  test.each([
    ["that lets in", ok(2)],
    ["that asks for the password", switchTo("mysql_clear_password")(2)],
    ["of which a part is missing", ok(1).subarray(0, 5)],
    ["that is an error", packet(1, [0xff, 0x15, 0x04], "#28000denied")],
  ])("begins with nothing that was sent before it: a packet %s ends the connection", async (_, behind) => {
    const { said, outcome } = await login({ behind }, "verify_full");
    expect(outcome).toBeInstanceOf(Error);
    expect(said.includes("program_name")).toBe(false);
    expect(said.includes(password)).toBe(false);
  });

  test("hides who logs in, too", async () => {
    const { heard, outcome } = await login({}, "verify_full");
    expect(outcome).toBe("let in");
    // The question for TLS says what the client can do, and nothing else.
    expect(heard[0]?.subarray(0, 32).includes("connector")).toBe(false);
  });
});

test.each<[string, Buffer]>([
  ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
  ["the protocol of MySQL 3", packet(0, [9], "3.23.58\0", Array(20).fill(0))],
  ["half a greeting", packet(0, [10], "8.4.0\0", Array(20).fill(0))],
  ["a greeting out of order", Buffer.concat([greeting().subarray(0, 3), Buffer.of(4), greeting().subarray(4)])],
  ["a greeting of sixteen megabytes", Buffer.from([0xff, 0xff, 0xff, 0, 10])],
  ["two greetings", Buffer.concat([greeting(), greeting()])],
])("what speaks %s is no server, and nothing reaches the console", async (_, first) => {
  const said = (["log", "error", "warn", "trace"] as const).map((name) => vi.spyOn(console, name));
  onTestFinished(() => said.forEach((spy) => void spy.mockRestore()));
  const rogue = await rogueServer((socket) => void socket.write(first));
  onTestFinished(() => rogue.stop());
  const target = { host: "127.0.0.1", port: rogue.port, database: "d", user: "u", tls: "disable" } as const;
  const opening = SourceConnection.open(target, password, dial, AbortSignal.timeout(10_000));
  await expect(opening).rejects.toMatchObject({ kind: "configuration_rejected", upstream: "mysql" });
  for (const spy of said) expect(spy).not.toHaveBeenCalled();
});

test("a server that has no room says so before its greeting", async () => {
  const rogue = await rogueServer((socket) => void socket.end(packet(0, [0xff, 0x10, 0x04], "Too many connections")));
  onTestFinished(() => rogue.stop());
  const target = { host: "127.0.0.1", port: rogue.port, database: "d", user: "u", tls: "disable" } as const;
  const opening = SourceConnection.open(target, password, dial, AbortSignal.timeout(10_000));
  await expect(opening).rejects.toMatchObject({ name: "ServerError", errno: 1040 });
});
