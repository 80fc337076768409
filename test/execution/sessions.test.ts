import { expect, test } from "vitest";
import { z } from "zod";
import { createPlaces } from "../../src/execution/session/places.ts";
import { createSessions } from "../../src/execution/session/sessions.ts";
import { defineProvider, type SessionContext } from "../../src/providers/contract.ts";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";

/** What a session of the organization's is told of where its files are. */
async function filesOf(organizationId: string, filesDirectory: string | undefined): Promise<string | undefined> {
  let told: SessionContext | undefined;
  const provider = defineProvider({
    ...{ id: "files", title: "Files", type: "database", capabilities: [] },
    ...{ config: z.object({}), credential: z.object({}).default({}), endpoint: () => ({}), classify: () => undefined },
    open(_config, _credential, context) {
      told = context;
      return { test: () => Promise.reject(new Error("There is nothing to test.")), close: async () => {} };
    },
  });
  const sessions = createSessions(
    { providers: [provider], get: () => provider },
    undefined as never,
    {
      ...{ dialFor: () => undefined as never, places: createPlaces({ perHost: 1, all: 1 }), filesDirectory },
    },
    () => {},
  );
  const connector = { organizationId, id: "a", config: {}, sealedCredential: null, policy: null };
  await sessions.get(connector as unknown as ConnectorRow, 1);
  await sessions.close();
  return told?.files;
}

test("each organization's files are in a folder of its own", async () => {
  expect(await filesOf("acme", "/files")).toBe("/files/acme");
  expect(await filesOf("acme.eu", "/files")).toBe("/files/acme.eu");
  expect(await filesOf("acme", undefined)).toBeUndefined();
});

test.each([".", "..", "..."])("an organization whose id is %s has none: it would be another's, or all", async (id) => {
  expect(await filesOf(id, "/files")).toBeUndefined();
});
