/** What a connector's configuration may hold, and what no field of it ever is. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import mysql from "../../../src/providers/mysql/index.ts";
import { certificateAuthority } from "../../support/certificate.ts";

const valid = { host: "db.example.com", database: "d", user: "u" };

/** The fields that are wrong. */
function wrong(changes: Readonly<Record<string, unknown>>): string[] | undefined {
  const parsed = mysql.config.safeParse({ ...valid, ...changes });
  const keys = (issue: object) => ("keys" in issue ? (issue.keys as string[]) : []);
  return parsed.error?.issues.flatMap((issue) => [...issue.path.map(String), ...keys(issue)]);
}

const paths = [
  ...["/var/run/mysqld/mysqld.sock", "/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "\\\\.\\pipe\\MySQL"],
  ...["mysql://u:p@127.0.0.1/d", "host=/tmp", "unix:/tmp", "C:\\secret", "/proc/self/environ", "\0/tmp", "/tmp\0"],
];

describe("a path, a socket or a DSN", () => {
  test.each(["host", "port", "tls", "ca", "server_public_key"])("is refused by the name of its field: %s", (field) => {
    for (const path of paths) expect(wrong({ [field]: path }), path).toEqual([field]);
  });

  test.each(["socketPath", "socket", "ssl", "ssl_ca", "uri", "url", "flags", "infile", "localInfile", "authPlugins"])(
    "has no field that drivers know for one: %s",
    (field) => {
      for (const path of paths) expect(wrong({ [field]: path }), path).toEqual([field]);
    },
  );

  test.each(["database", "user"])("is but a name of the server's as the %s", (field) => {
    for (const path of paths) expect(wrong({ [field]: path })).toEqual(path.includes("\0") ? [field] : undefined);
  });
});

test("the port and the encryption are those that a server has by itself", () => {
  expect(mysql.config.parse(valid)).toMatchObject({ port: 3306, tls: "verify_full" });
});

test("a server's public key is a public one", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const elliptic = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
  expect(wrong({ server_public_key: publicKey.export({ type: "spki", format: "pem" }) })).toBeUndefined();
  expect(wrong({ server_public_key: publicKey.export({ type: "pkcs1", format: "pem" }) })).toBeUndefined();
  for (const other of [privateKey.export({ type: "pkcs8", format: "pem" }), elliptic, certificateAuthority().cert]) {
    expect(wrong({ server_public_key: other })).toEqual(["server_public_key"]);
  }
});

test("all that says where a password goes belongs to the endpoint", () => {
  const config = mysql.config.parse({ ...valid, functions: ["d.rate"] });
  expect(Object.keys(mysql.endpoint(config)).sort()).toEqual(
    ["ca", "database", "host", "port", "server_public_key", "tls", "user"].sort(),
  );
});

test("functions are named with their database", () => {
  expect(wrong({ functions: ["shop.rate"] })).toBeUndefined();
  for (const name of ["rate", "a.b.c", "shop.`rate`", ".rate", "shop."]) {
    expect(wrong({ functions: [name] })).toEqual(["functions", "0"]);
  }
});
