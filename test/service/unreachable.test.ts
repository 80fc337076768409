/** Connectors whose source can't be reached, or lets nobody in. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { rogueServer } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { newConnector, type Overrides } from "./overrides.ts";
import { kinds, type ReaderSource, serviceWithReader, untilBusy } from "./reader.ts";
import { allRows, refusalOf } from "./refusal.ts";
import { failedCheck } from "./report.ts";

const cities = `CREATE TABLE city (id bigint PRIMARY KEY, name varchar(20) NOT NULL);
  INSERT INTO city VALUES (1, 'Bern'), (2, 'Chur'), (3, 'Ulm')`;

/** What differs: a server of MySQL's kind keeps from who may not use a database whether it is there. */
const told = {
  postgresql: { login: "28P01", database: "3D000", noDatabase: /has no database `nowhere`/ },
  mysql: { login: "28000", database: "42000", noDatabase: /has no database of this name, or/ },
} as const;

type Broken = [
  what: string,
  overrides: () => Promise<Overrides> | Overrides,
  expected: object,
  check: string,
  message: RegExp,
  remedy: string,
];

const withoutTls: Broken = [
  "TLS is asked for and the server has none",
  () => ({ tls: "verify_full" }),
  { code: "FailedPrecondition", reason: "TLS_FAILED", where: "upstream" },
  "tls",
  /does not offer TLS/,
  "ssl = on",
];

describe.each(kinds)("of a source of $id", (kind) => {
  const { login, database, noDatabase } = told[kind.id];
  let source: ReaderSource;

  beforeAll(async () => {
    source = await serviceWithReader(kind, cities);
  });
  afterEach(async () => {
    const { rows } = await source.client.query(source.connectorId, { resource: "city", orderBy: ["id"] });
    expect(rows.map((row) => row.name)).toEqual(["Bern", "Chur", "Ulm"]);
    await untilBusy(source, 0);
  });
  afterAll(() => source.stop());

  describe("a source that can't be used is told by every call, with what is wrong and how to mend it", () => {
    const rejected = { code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED", where: "credential" };
    const unreachable = { code: "Unavailable", reason: "UPSTREAM_UNREACHABLE", where: "upstream" };
    test.each<Broken>([
      [
        "nothing listens at the port",
        async () => ({ port: await freePort() }),
        unreachable,
        "connect",
        /Nothing listens/,
        "config.port",
      ],
      [
        "there is no such host",
        () => ({ host: "no-such-host.invalid" }),
        unreachable,
        "connect",
        /has no address/,
        "config.host",
      ],
      [
        "the password is wrong",
        () => ({ password: "not the password" }),
        { ...rejected, metadata: { status: login } },
        "authenticate",
        /rejected the stored credential of the user `reader_/,
        "UpdateConnector",
      ],
      [
        "there is no such user",
        () => ({ user: "nobody" }),
        { ...rejected, metadata: { status: login } },
        "authenticate",
        /rejected the stored credential of the user `nobody`/,
        "UpdateConnector",
      ],
      [
        "there is no such database",
        () => ({ database: "nowhere" }),
        {
          code: "FailedPrecondition",
          reason: "CONFIGURATION_REJECTED",
          where: "connector",
          metadata: { status: database },
        },
        "authenticate",
        noDatabase,
        "config.database",
      ],
      // The run's other servers have it.
      ...(kind.id === "postgresql" ? [withoutTls] : []),
    ])("%s", async (_what, overrides, expected, check, message, remedy) => {
      const { client } = source;
      const id = await newConnector(source, await overrides());
      const refusal = await refusalOf(client.query(id, { resource: "city" }));
      expect(refusal).toMatchObject(expected);
      expect(refusal.message).toMatch(message);
      expect(refusal.remedy).toContain(remedy);
      expect(await refusalOf(allRows(client.stream(id, { resource: "city" })))).toEqual(refusal);
      expect(await refusalOf(client.explainQuery(id, { resource: "city" }))).toEqual(refusal);
      expect(await refusalOf(client.getSchema(id))).toEqual(refusal);

      const failed = failedCheck(await client.testConnector(id));
      expect(failed).toMatchObject({ name: check, reason: refusal.reason, remedy: refusal.remedy });
      expect(failed.message).toMatch(message);
      expect(JSON.stringify([refusal, failed])).not.toContain("not the password");
    });
  });

  describe("a host that accepts and never answers", () => {
    let silent: Awaited<ReturnType<typeof rogueServer>>;
    beforeAll(async () => {
      silent = await rogueServer((socket) => void socket.resume());
    });
    afterAll(() => silent.stop());

    // The deadline goes to the service alone, so that it is the service's answer which counts.
    const limit = { headers: { "connect-timeout-ms": "400" } };

    test.each(["disable", "verify_full"])(
      "is ended by the deadline, with where the time went (tls: %s)",
      async (tls) => {
        const { rpc } = source.client;
        const connectorId = await newConnector(source, { port: silent.port, tls });
        const query = { source: { case: "resource" as const, value: "city" } };
        for (const call of [
          () => rpc.query({ connectorId, query }, limit),
          () => allRows(rpc.streamQuery({ connectorId, query }, limit)),
          () => rpc.getSchema({ connectorId }, limit),
        ]) {
          const took = stopwatch();
          const refusal = await refusalOf(call());
          expect(took()).toBeLessThan(400 + 200);
          expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
          expect(refusal.message).toMatch(/ s to connect/);
        }
      },
    );

    test.each([
      ["authenticate", "disable"],
      ["tls", "verify_full"],
    ])("fails the check %s", async (check, tls) => {
      const connectorId = await newConnector(source, { port: silent.port, tls });
      const report = await source.client.rpc.testConnector({ connectorId }, limit);
      expect(failedCheck(report)).toMatchObject({
        name: check,
        reason: "DEADLINE_EXCEEDED",
        message: expect.stringContaining("did not answer in time"),
      });
    });

    test("tells a caller that counts the time itself, too", async () => {
      const id = await newConnector(source, { port: silent.port });
      const refusal = await refusalOf(source.client.query(id, { resource: "city" }, { timeoutMs: 2_000 }));
      expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED", where: "upstream" });
      expect(Number(refusal.metadata.connect_ms)).toBeGreaterThan(1_500);
    });
  });

  test("a disabled connector is refused until it is enabled", async () => {
    const { client } = source;
    const id = await newConnector(source, {});
    await client.updateConnector(id, { disabled: true });
    const refusal = await refusalOf(client.query(id, { resource: "city" }));
    expect(refusal).toMatchObject({
      code: "FailedPrecondition",
      reason: "CONNECTOR_DISABLED",
      where: "connector",
      remedy: expect.stringContaining("UpdateConnector"),
    });
    expect(await refusalOf(allRows(client.stream(id, { resource: "city" })))).toEqual(refusal);
    expect(await refusalOf(client.getSchema(id))).toEqual(refusal);
    expect(await refusalOf(client.testConnector(id))).toEqual(refusal);
    await client.updateConnector(id, { disabled: false });
    expect(await client.testConnector(id)).toMatchObject({ ok: true });
    await client.deleteConnector(id);
  });
});
