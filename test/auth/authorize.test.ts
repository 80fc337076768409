import { expect, test } from "vitest";
import { authorize, type Principal, principalOf, type Scope, scopes } from "../../src/auth/principal.ts";
import { Failure } from "../../src/failure.ts";

const connector = "c0ffee00-0000-4000-8000-00000000000a";
const other = "c0ffee00-0000-4000-8000-00000000000b";

function caller(granted: readonly Scope[], connectorIds: string[] = []): Principal {
  return principalOf({ organizationId: "acme", id: "report-writer", scopes: granted, connectorIds });
}

test("each scope allows itself and nothing else, and admin allows everything", () => {
  for (const granted of scopes) {
    for (const needed of scopes) {
      const call = () => authorize(caller([granted]), needed);
      if (granted === needed || granted === "connector.admin") expect(call).not.toThrow();
      else expect(call).toThrow(Failure);
    }
  }
});

test("a refusal names the scope that was needed", () => {
  expect(() => authorize(caller(["connector.read"]), "connector.query.native")).toThrow(
    expect.objectContaining({
      kind: "permission_denied",
      where: "caller",
      message: expect.stringContaining("connector.query.native"),
      remedy: expect.stringContaining("connector.query.native"),
      metadata: { scope: "connector.query.native" },
    }),
  );
});

test("a caller limited to some connectors reaches those only, admin or not", () => {
  const limited = caller(["connector.admin"], [connector.toUpperCase()]);
  expect(() => authorize(limited, "connector.query", connector)).not.toThrow();
  expect(() => authorize(limited, "connector.query", connector.toUpperCase())).not.toThrow();
  expect(() => authorize(limited, "connector.query")).not.toThrow();
  expect(() => authorize(limited, "connector.query", other)).toThrow(
    expect.objectContaining({ kind: "permission_denied", metadata: { scope: "connector.query", connector: other } }),
  );
});

test("a caller without a limit reaches every connector", () => {
  expect(() => authorize(caller(["connector.query"]), "connector.query", other)).not.toThrow();
});
