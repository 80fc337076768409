import { expect, test } from "vitest";
import type { Observation } from "../../src/observability/observation.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { observedKeys } from "../../src/wiring/observed.ts";

const [key, another] = [`first:${"4b".repeat(31)}02`, `second:${"6a".repeat(31)}03`];
const context = {
  ...{ organizationId: "acme", connectorId: "1", field: "credential", secretVersion: 1 },
  endpoint: { provider: "postgresql" },
};

function vaultOf(keys: string) {
  const told: Observation[] = [];
  return { vault: createVault(observedKeys(localKeys(keys), (observation) => told.push(observation))), told };
}

test("every use of a key is told of, with what came of it", async () => {
  const { vault, told } = vaultOf(key);
  const sealed = await vault.seal(Buffer.from("a secret"), context);
  expect(Buffer.from(await vault.open(sealed, context)).toString()).toBe("a secret");
  await expect(vault.open(sealed, { ...context, organizationId: "globex" })).rejects.toThrow();
  expect(told).toEqual([
    { kind: "key_used", operation: "wrap", outcome: "done" },
    { kind: "key_used", operation: "unwrap", outcome: "done" },
    { kind: "key_used", operation: "unwrap", outcome: "failed" },
  ]);
});

test("a key that nobody has is told apart: what it wraps can't be opened until it is there again", async () => {
  const sealed = await vaultOf(key).vault.seal(Buffer.from("a secret"), context);
  const { vault, told } = vaultOf(another);
  await expect(vault.open(sealed, context)).rejects.toThrow();
  expect(told).toEqual([{ kind: "key_used", operation: "unwrap", outcome: "unknown" }]);
});
