/** What is wrong with a connector: each kind has its code, its reason and its remedy, and TestConnector says the same. */
import { expect } from "vitest";
import { CheckOutcome } from "../../../src/gen/connector/v1/connector_pb.js";
import { allRows, refusalOf } from "../../service/refusal.ts";
import { rogueServer } from "../../support/service.ts";
import type { Case, CaseOf, Cases, Scene } from "../case.ts";
import type { Fixture, Mistake, Network, Target } from "../fixture.ts";
import { forbidden } from "../tables.ts";

const needs = ["query"] as const;

interface Kind {
  readonly what: string;
  readonly code: string;
  readonly reason: string;
}

const mistakes: Readonly<Record<Mistake, Kind>> = {
  credential: { what: "a wrong credential", code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED" },
  database: { what: "a database that is not there", code: "FailedPrecondition", reason: "CONFIGURATION_REJECTED" },
  tls: { what: "TLS that the server does not have", code: "FailedPrecondition", reason: "TLS_FAILED" },
};

const unreachable = { code: "Unavailable", reason: "UPSTREAM_UNREACHABLE" };
const denied = { code: "FailedPrecondition", reason: "EGRESS_DENIED" };

export const errorCases: Cases = (fixture) => [
  ...mistakeCases(fixture),
  ...forbiddenCase(),
  ...(fixture.native === undefined ? [] : [secretsCase(fixture)]),
];

/** What is wrong with a connector itself, whatever its source has. */
export function mistakeCases(fixture: Pick<Fixture, "mistakes" | "network">): CaseOf<Scene>[] {
  return [
    ...Object.entries(fixture.mistakes).map(([mistake, made]) =>
      brokenCase(mistakes[mistake as Mistake], async (target) => made(target)),
    ),
    ...(fixture.network === undefined ? [] : networkCases(fixture.network)),
    disabledCase,
  ];
}

function networkCases(network: Network): CaseOf<Scene>[] {
  const at = (address: Partial<{ host: string; port: number }>) => (target: Target) =>
    network.at(target, { ...network.addressOf(target), ...address });
  return [
    brokenCase({ what: "a host that is not there", ...unreachable }, async (target) =>
      at({ host: "no-such-host.invalid" })(target),
    ),
    brokenCase({ what: "a port at which nothing listens", ...unreachable }, async (target) => {
      const server = await rogueServer(() => {});
      await server.stop();
      return at({ port: server.port })(target);
    }),
    brokenCase({ what: "an address that the operator does not allow", ...denied }, async (target) =>
      at({ host: "169.254.169.254" })(target),
    ),
    brokenCase({ what: "a server that speaks something else", code: "", reason: "" }, async (target) => {
      const server = await rogueServer(
        (socket) => void socket.end(network.strange ?? "HTTP/1.1 400 Bad Request\r\n\r\n"),
      );
      closing.push(() => server.stop());
      return at({ port: server.port })(target);
    }),
  ];
}

/** Servers of cases that are over. */
const closing: (() => Promise<void>)[] = [];

/** Every call tells the same, with what to do; so does a test of the connector. */
function brokenCase({ what, code, reason }: Kind, broken: (target: Target) => Promise<Target>): CaseOf<Scene> {
  return {
    name: what,
    needs,
    async run(stage) {
      const id = await stage.connector({ target: await broken(await stage.target()) });
      try {
        await expectBroken(stage, id, code, reason);
      } finally {
        for (const close of closing.splice(0)) await close();
      }
    },
  };
}

async function expectBroken(
  { client, definition, probe }: Scene,
  id: string,
  code: string,
  reason: string,
): Promise<void> {
  const refusal = await refusalOf(client.query(id, probe.query));
  if (code === "") expect(refusal.code).toMatch(/^(Unavailable|FailedPrecondition)$/);
  else expect(refusal).toMatchObject({ code, reason });
  if (definition.capabilities.includes("test")) {
    const { ok, checks } = await client.testConnector(id);
    const failed = checks.find(({ outcome }) => outcome === CheckOutcome.FAILED);
    expect(ok).toBe(false);
    expect(failed).toMatchObject({ reason: refusal.reason, remedy: refusal.remedy });
    expect(failed?.message).not.toBe("");
  }
  // Last, since a breaker may be open by now to a source that can't be reached.
  const streamed = await refusalOf(allRows(client.stream(id, probe.query)));
  expect([refusal.reason, "BREAKER_OPEN"]).toContain(streamed.reason);
}

function forbiddenCase(): Case[] {
  return [
    {
      name: "a resource that the source's user may not read",
      needs,
      async run({ client, connectorId, source }) {
        // Where the source knows no permissions, it is one like any other.
        if (source.forbid === undefined) {
          expect((await client.query(connectorId, { resource: forbidden.name })).rows).toHaveLength(20);
          return;
        }
        const refusal = await refusalOf(client.query(connectorId, { resource: forbidden.name }));
        // A source may keep from a user also that a resource is there.
        expect(refusal.reason).toMatch(/^(UPSTREAM_PERMISSION_DENIED|UNKNOWN_RESOURCE)$/);
        expect(await refusalOf(allRows(client.stream(connectorId, { resource: forbidden.name })))).toEqual(refusal);
      },
    },
  ];
}

const disabledCase: CaseOf<Scene> = {
  name: "a connector that is disabled",
  needs,
  async run(stage) {
    const id = await stage.connector({});
    await stage.client.updateConnector(id, { disabled: true });
    const refusal = await refusalOf(stage.client.query(id, stage.probe.query));
    expect(refusal).toMatchObject({ code: "FailedPrecondition", reason: "CONNECTOR_DISABLED", where: "connector" });
  },
};

const canary = "canary-7f3a'\"`\\";

/** Neither a credential nor a value of a statement comes back in any error. */
function secretsCase({ native }: Fixture): Case {
  return {
    name: "no error repeats a credential, nor a statement's values",
    needs: ["native_query"],
    async run(stage) {
      const { target } = stage.source;
      const keys = Object.keys(target.credential);
      const credential = Object.fromEntries(keys.map((key) => [key, canary]));
      const id = await stage.connector({ target: { ...target, credential } });
      const refusals = [
        // Where there is no credential, nothing is wrong with it.
        ...(keys.length === 0
          ? []
          : [await stage.client.query(id, stage.probe.query).catch((error: unknown) => error)]),
        await refusalOf(
          stage.client.query(stage.connectorId, { native: native?.syntaxError ?? "", parameters: [canary] }),
        ),
      ];
      expect(JSON.stringify(refusals)).not.toContain("canary-7f3a");
    },
  };
}
