import { expect, test } from "vitest";
import { authorize, type Principal, principalOf, type Scope, scopes } from "../../src/auth/principal.ts";
import { Failure } from "../../src/failure.ts";

function caller(granted: readonly Scope[]): Principal {
  return principalOf({
    organizationId: "acme",
    id: "report-writer",
    authentication: "jwt",
    scopes: granted,
    connectorIds: undefined,
    resources: undefined,
  });
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
