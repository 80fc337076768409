/** The client in a real browser, against a running service of another origin. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { chromiumFile, type Pages, startPages } from "./browser.ts";

if (chromiumFile === undefined) {
  console.warn("Left out: the client in a browser. This machine has no chromium (apt-get install chromium).");
}

/** A value of every kind, with what a careless reader of bytes gets wrong. */
const kinds = `SELECT i AS id, (9007199254740993 + i)::bigint AS big, 0.1::numeric(30,20) AS exact, i % 2 = 0 AS even,
  CASE WHEN i % 3 = 0 THEN NULL ELSE 'Zürich ☃ ' || i END AS text, '\\x00ff7f'::bytea AS bytes, ARRAY['a b', NULL, 'ü'] AS list,
  'NaN'::float8 AS nan, '{"a": [1]}'::jsonb AS doc, timestamp '2026-11-22 13:45:00.000001' AS at FROM generate_series(1, 3000) i`;

describe.runIf(chromiumFile !== undefined)("in a browser", () => {
  let pages: Pages;
  let service: TestService;
  let customer: FreshDatabase;
  let page: Page;
  let connectorId: string;
  /** The rows of `kinds` as the client in Node reads them. */
  let inNode: string;

  beforeAll(async () => {
    [pages, customer] = await Promise.all([startPages(), freshDatabase()]);
    service = await testService({ CORS_ORIGINS: pages.originOf("127.0.0.1") });
    page = await pages.open("127.0.0.1");
    const { url, token } = service;
    const made = { url, token, connector: connectorTo(customer.url) };
    connectorId = await page.evaluate(async ({ url, token, connector }) => {
      const { id } = await connectorService.createConnectorClient({ url, token }).createConnector(connector);
      return id;
    }, made);
    const rows: unknown[] = [];
    for await (const row of service.client.stream(connectorId, { native: kinds })) rows.push(row.toJSON());
    inNode = JSON.stringify(rows);
  });

  afterAll(async () => {
    await Promise.all([pages?.close(), service?.stop()]);
    await customer?.drop();
  });

  const protocols = ["connect", "grpc-web"] as const;

  test.each(protocols.flatMap((protocol) => [[protocol, "packed"] as const, [protocol, "values"] as const]))(
    "a stream over %s in the format %s has the rows that Node reads, to the last",
    async (protocol, format) => {
      const { url, token } = service;
      const read = await page.evaluate(
        async ({ connectorId, kinds, format, ...options }) => {
          const stream = connectorService
            .createConnectorClient(options)
            .stream(connectorId, { native: kinds }, { format });
          const rows: unknown[] = [];
          for await (const row of stream) rows.push(row.toJSON());
          return { rows: JSON.stringify(rows), complete: Number((await stream.trailer).rows) };
        },
        { url, token, protocol, connectorId, kinds, format },
      );

      expect(read.complete).toBe(3_000);
      expect(read.rows).toBe(inNode);
    },
  );

  test.each(protocols)("an error over %s says what, where and what to do", async (protocol) => {
    const { url, token } = service;
    const error = await page.evaluate(
      async ({ connectorId, ...options }) => {
        const { createConnectorClient, ConnectorError } = connectorService;
        const client = createConnectorClient(options);
        const cause: unknown = await client.query(connectorId, { resource: "nowhere" }).catch((thrown) => thrown);
        if (!(cause instanceof ConnectorError)) throw cause;
        const { name, code, reason, where, message } = cause;
        return { name, code, reason, where, message, codes: connectorService.Code.InvalidArgument };
      },
      { url, token, protocol, connectorId },
    );

    expect(error).toMatchObject({ name: "ConnectorError", reason: "UNKNOWN_RESOURCE", where: "request" });
    expect(error.code).toBe(error.codes);
    expect(error.message).toContain("nowhere");
  });

  test.each(protocols)("leaving the loop over %s stops the statement at the database", async (protocol) => {
    const { url, token } = service;
    const endless = "SELECT a.i AS id FROM generate_series(1, 100000) a(i), generate_series(1, 100000)";

    const first = await page.evaluate(
      async ({ connectorId, endless, ...options }) => {
        const client = connectorService.createConnectorClient(options);
        for await (const row of client.stream<{ id: number }>(connectorId, { native: endless })) return row.id;
        return undefined;
      },
      { url, token, protocol, connectorId, endless },
    );

    expect(first).toBe(1);
    const ours = "application_name = 'connector-service' AND datname = current_database()";
    const active = `SELECT count(*)::int FROM pg_stat_activity WHERE ${ours} AND state <> 'idle'`;
    await expect.poll(() => run(customer.url, active)).toEqual([[0]]);
  });

  test("a page of an origin that is not allowed learns nothing, and its call is not made", async () => {
    const { url, token, client } = service;
    const stranger = await pages.open("localhost");

    const error = await stranger.evaluate(
      async ({ url, token }) => {
        const client = connectorService.createConnectorClient({ url, token });
        const request = { provider: "sqlite", name: "stranger", config: { file: "a.db" } };
        const cause: unknown = await client.createConnector(request).catch((thrown) => thrown);
        return { ...(cause as object), message: (cause as Error).message };
      },
      { url, token },
    );

    expect(error).toMatchObject({ name: "ConnectorError", code: 14, message: expect.stringContaining("CORS_ORIGINS") });
    const names: string[] = [];
    for await (const { name } of client.listConnectors()) names.push(name);
    expect(names).toEqual(["customer"]);
  });
});
