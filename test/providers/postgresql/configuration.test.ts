/** What a connector's configuration may hold, and what no field of it ever is. */
import { describe, expect, test } from "vitest";
import postgresql from "../../../src/providers/postgresql/index.ts";
import { certificateAuthority } from "../../support/certificate.ts";

const valid = { host: "db.example.com", port: 5432, database: "d", user: "u", tls: "verify_full" };

/** The fields that are wrong, and the host that would be dialled. */
function read(changes: Readonly<Record<string, unknown>>) {
  const parsed = postgresql.config.safeParse({ ...valid, ...changes });
  const keys = (issue: object) => ("keys" in issue ? (issue.keys as string[]) : []);
  const wrong = parsed.error?.issues.flatMap((issue) => [...issue.path.map(String), ...keys(issue)]);
  return { wrong, config: parsed.data as typeof valid | undefined };
}

const paths = [
  ...["/var/run/postgresql", "/etc/passwd", "../../etc/passwd", "./x", "~/.pgpass", "file:///etc/passwd", "@abstract"],
  ...["postgres://u:p@127.0.0.1/d", "host=/tmp", "host=/tmp port=5432", "unix:/tmp", "C:\\secret", "\\\\host\\share"],
  ...["%2Fvar%2Frun", "/proc/self/environ", "\0/tmp", "/tmp\0", "-----BEGIN CERTIFICATE-----", ".s.PGSQL.5432/"],
];

describe("a path, a socket or a DSN", () => {
  test.each(["host", "port", "tls", "ca"])("is refused by the name of its field: %s", (field) => {
    for (const path of paths) expect(read({ [field]: path }).wrong, path).toEqual([field]);
  });

  test.each(["sslrootcert", "sslcert", "sslkey", "sslmode", "options", "service", "passfile", "dsn", "url", "socket"])(
    "has no field that drivers know for one: %s",
    (field) => {
      for (const path of paths) expect(read({ [field]: path }).wrong, path).toEqual([field]);
    },
  );

  test.each(["database", "user"])("is but a name of the server's as the %s", (field) => {
    for (const path of paths) {
      const { wrong, config } = read({ [field]: path });
      if (path.includes("\0")) expect(wrong).toEqual([field]);
      else expect(config).toMatchObject({ host: valid.host, [field]: path });
    }
  });
});

test("authorities are certificates in PEM, and no more than so many bytes of them", () => {
  const { cert } = certificateAuthority();
  expect(read({ ca: cert + cert }).wrong).toBeUndefined();
  expect(read({ ca: cert.replace(/[A-Za-z]{20}/, "A".repeat(20)) }).wrong).toEqual(["ca"]);
  expect(read({ ca: cert + " ".repeat(100_000) }).wrong).toEqual(["ca"]);
});
