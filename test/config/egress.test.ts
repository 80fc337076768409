/** What the operator says of the ways out, and how it is told what is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { Failure } from "../../src/failure.ts";
import { certificateAuthority } from "../support/certificate.ts";

const directory = mkdtempSync(path.join(os.tmpdir(), "connector-egress-"));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function written(content: unknown): string {
  const file = path.join(directory, `${files++}.json`);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const production = {
  DATABASE_URL: "postgres://user:s3cret@db.example.com/connector",
  ENCRYPTION_KEY: `${"4b".repeat(31)}02`,
  SIGNING_KEY: `${"5a".repeat(31)}01`,
};

function problemOf(environment: Readonly<Record<string, string>>): string {
  try {
    readConfig({ ...production, ...environment });
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return (error as Failure).message;
  }
}

test("ranges and hosts of both the variable and the file are open, and the file's say is kept", () => {
  const policy = {
    allow: ["*.internal:5432"],
    deny: ["10.0.9.0/24"],
    default: "deny",
    organizations: { acme: { allow: ["10.1.0.0/16"] }, globex: { deny: ["8.8.8.8"], default: "public" } },
  };
  const environment = { ...production, EGRESS_ALLOW: "10.20.0.0/16, db.example.com:5432,[::1]:5433" };
  expect(readConfig({ ...environment, EGRESS_POLICY_FILE: written(policy) }).egress).toEqual({
    allow: ["10.20.0.0/16", "db.example.com:5432", "[::1]:5433", "*.internal:5432"],
    deny: ["10.0.9.0/24"],
    default: "deny",
    organizations: {
      acme: { allow: ["10.1.0.0/16"], deny: [] },
      globex: { allow: [], deny: ["8.8.8.8"], default: "public" },
    },
  });
});

test.each(["10.0.0.0/33", "example.com/8", "127.1", "https://example.com", "10.0.0.1:99999"])(
  "%s is no way out",
  (rule) => {
    expect(problemOf({ EGRESS_ALLOW: `10.0.0.0/8,${rule}` })).toMatch(/EGRESS_ALLOW: must be a range/);
  },
);

test.each([
  [{ allow: ["10.0.0.0/8", "10.0.0.0/33"] }, "allow[1]: must be a range"],
  [{ organizations: { acme: { deny: ["/var/run"] } } }, "organizations.acme.deny[0]: must be a range"],
  [{ organizations: { acme: { permit: [] } } }, "organizations.acme: "],
  [{ default: "open" }, "default: "],
  [{ alow: [] }, "the file: "],
  ["{", "must be a file of JSON"],
])("a mistake in the file is named by its entry: %#", (content, problem) => {
  expect(problemOf({ EGRESS_POLICY_FILE: written(content) })).toContain(`EGRESS_POLICY_FILE: ${problem}`);
});

test("the operator's authorities are certificates in PEM", () => {
  const { cert } = certificateAuthority();
  expect(readConfig({ ...production, CA_FILE: written(cert) }).ca).toBe(cert);
  for (const content of ["", "certificates", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
    expect(problemOf({ CA_FILE: written(content) })).toContain("CA_FILE: must be a file of certificates");
  }
});
