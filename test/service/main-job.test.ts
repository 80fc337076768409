import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";

let service: TestService;
let customer: Awaited<ReturnType<typeof freshDatabase>>;

beforeAll(async () => {
  [service, customer] = await Promise.all([testService(), freshDatabase()]);
  const client = new pg.Client({ connectionString: customer.url });
  await client.connect();
  await client.query(`
    CREATE TABLE city (id bigint PRIMARY KEY, name text NOT NULL, country char(2) NOT NULL, population int);
    INSERT INTO city SELECT i, 'city ' || i, CASE WHEN i % 2 = 0 THEN 'CH' ELSE 'DE' END, i * 10
      FROM generate_series(1, 1000) i`);
  await client.end();
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

test("a connector is registered, tested, described, queried page by page and streamed", async () => {
  const { client } = service;
  const connector = await client.createConnector(connectorTo(customer.url));
  expect(connector).toMatchObject({ name: "customer", credential: { present: true, version: 1 } });

  const tested = await client.testConnector(connector.id);
  expect(tested).toMatchObject({ ok: true, serverVersion: expect.stringMatching(/^PostgreSQL 18/) });

  const schema = await client.getSchema(connector.id);
  expect(schema.resources).toMatchObject([{ name: "public.city", primaryKey: ["id"] }]);

  const names: string[] = [];
  const query = { resource: "city", where: { country: "CH" }, fields: ["name"] };
  for await (const page of client.queryAll<{ name: string }>(connector.id, query, { pageSize: 150 })) {
    expect(page.rows.length).toBeLessThanOrEqual(150);
    names.push(...page.rows.map((row) => row.name));
  }
  expect(names).toEqual(Array.from({ length: 500 }, (_, i) => `city ${2 * i + 2}`));

  const stream = client.stream<{ id: bigint }>(connector.id, { resource: "city", fields: ["id"] });
  let sum = 0n;
  for await (const row of stream) sum += row.id;
  expect(sum).toBe(500_500n);
  expect(await stream.trailer).toMatchObject({ rows: 1000n });
});
