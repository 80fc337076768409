/** Random grants against random queries, streams, statements and actions: nothing beyond a grant is read, counted, changed or told. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type ActionInput,
  Code,
  type ConnectorClient,
  ConnectorError,
  createConnectorClient,
  type Page,
  type QueryInput,
} from "../../src/client/index.ts";
import { Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { scaled, seeded } from "../torture/scale.ts";
import { type Condition, conditions, fieldsIn, filterOf, type Item, selects } from "./agent-conditions.ts";
import { type Source, serviceWithSource } from "./source.ts";

const item = "public.item";
const agent = "fuzz";
/** Names that stand in no other text, and values that stand in one field only. */
const domain = {
  f_id: [1, 7, 13, 22, 30],
  f_qax: [101, 102, 103],
  f_qby: [201, 202, 203],
  f_qcz: ["red", "red wine", "green"],
  f_qdw: ["north", "northwest", "south"],
} as const;
const names = Object.keys(domain);
const seed = `
  CREATE TABLE IF NOT EXISTS item (
    f_id int PRIMARY KEY, f_qax int, f_qby int CONSTRAINT f_qby_rule CHECK (f_qby < 300), f_qcz text COLLATE "C",
    f_qdw text COLLATE "C");
  TRUNCATE item;
  INSERT INTO item SELECT i, 100 + nullif(i % 4, 0), 200 + nullif(i % 5, 4),
    (ARRAY['red', 'red wine', 'green', NULL])[1 + i % 4], (ARRAY['north', 'northwest', NULL, 'south'])[1 + i % 3]
  FROM generate_series(1, 30) AS i`;

let source: Source;
let client: ConnectorClient;

beforeAll(async () => {
  source = await serviceWithSource(seed);
  client = createConnectorClient({ url: source.service.url, token: source.service.token, agent });
});
afterAll(async () => {
  client.close();
  await source.stop();
});

interface Terms {
  /** Empty for all. */
  readonly fields: readonly string[];
  readonly rowFilter: Condition | undefined;
}

type Asked =
  | {
      readonly kind: "read";
      readonly streamed: boolean;
      readonly fields: readonly string[];
      readonly filter?: Condition | undefined;
      readonly orderBy: readonly string[];
    }
  | { readonly kind: "native" }
  | {
      readonly kind: "update";
      readonly values: Item;
      readonly filter?: Condition | undefined;
      readonly returning: readonly string[];
    }
  | { readonly kind: "delete"; readonly filter?: Condition | undefined; readonly returning: readonly string[] }
  | { readonly kind: "make"; readonly upsert: boolean; readonly row: Item; readonly returning: readonly string[] };

const condition = conditions(domain);
const some = fc.subarray(names, { maxLength: 2 });
const maybe = fc.option(condition, { nil: undefined });
const cells = fc
  .subarray(names.slice(1), { minLength: 1, maxLength: 3 })
  .chain((given) =>
    fc.record(
      Object.fromEntries(given.map((name) => [name, fc.constantFrom(...domain[name as keyof typeof domain], null)])),
    ),
  ) as fc.Arbitrary<Item>;
const newRow = fc.tuple(cells, fc.integer({ min: 25, max: 40 })).map(([row, id]): Item => ({ f_id: id, ...row }));

const terms: fc.Arbitrary<Terms> = fc.record({
  fields: fc.oneof(fc.constant([]), fc.subarray(names, { minLength: 2 })),
  rowFilter: maybe,
});
const asked = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read"),
      streamed: fc.boolean(),
      fields: some,
      filter: maybe,
      orderBy: some,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "native" }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("update"), values: cells, filter: maybe, returning: some }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete"), filter: condition, returning: some }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("make"), upsert: fc.boolean(), row: newRow, returning: some }),
  },
) as fc.Arbitrary<Asked>;

/** The fields that a request names. */
function namedBy(request: Asked): readonly string[] {
  const inFilter = "filter" in request && request.filter !== undefined ? fieldsIn(request.filter) : [];
  switch (request.kind) {
    case "read":
      return [...request.fields, ...request.orderBy, ...inFilter];
    case "native":
      return [];
    case "update":
      return [...Object.keys(request.values), ...request.returning, ...inFilter];
    case "delete":
      return [...request.returning, ...inFilter];
    default:
      return [...Object.keys(request.row), ...request.returning];
  }
}

async function table(): Promise<readonly Item[]> {
  const rows = await source.run(`SELECT ${names.join(", ")} FROM item ORDER BY f_id`);
  const isNumber = (i: number) => i < 3;
  return rows.map((row) =>
    Object.fromEntries(
      names.map((name, i) => [name, row[i] === null || !isNumber(i) ? (row[i] ?? null) : Number(row[i])]),
    ),
  );
}

interface Outcome {
  readonly fields: readonly string[];
  readonly rows: readonly Item[];
  readonly affected: number;
}

const plain = ({ fields, rows }: Pick<Page, "fields" | "rows">) => ({
  fields: fields.map(({ name }) => name),
  rows: rows.map((row) => Object.fromEntries(fields.map(({ name }) => [name, row[name]])) as Item),
});

async function carryOut(request: Asked): Promise<Outcome> {
  const { connectorId } = source;
  const filter = "filter" in request && request.filter !== undefined ? { filter: filterOf(request.filter) } : {};
  if (request.kind === "native") {
    return { ...plain(await client.query(connectorId, { native: "SELECT f_qby FROM item" })), affected: 0 };
  }
  if (request.kind === "read") {
    const { fields, orderBy } = request;
    const query: QueryInput = { resource: item, fields, orderBy, ...filter };
    if (!request.streamed) return { ...plain(await client.query(connectorId, query)), affected: 0 };
    const stream = client.stream(connectorId, query);
    const { fields: answered } = await stream.header;
    return { ...plain({ fields: answered, rows: await Array.fromAsync(stream) }), affected: 0 };
  }
  const { returning } = request;
  const all = "filter" in filter ? filter : { allowAll: true };
  const executed = await client.execute(connectorId, actionOf(request, all), { returning });
  return { ...plain(executed), affected: Number(executed.affectedRows) };
}

function actionOf(request: Exclude<Asked, { kind: "read" } | { kind: "native" }>, condition: object): ActionInput {
  if (request.kind === "update") return { update: item, values: request.values, ...condition };
  if (request.kind === "delete") return { delete: item, ...condition };
  return request.upsert ? { upsert: item, rows: [request.row] } : { create: item, rows: [request.row] };
}

/** What a refusal says, in all its parts. */
const saidBy = ({ message, remedy, metadata, fields }: ConnectorError) =>
  JSON.stringify([message, remedy, metadata, fields]);

const project = (rows: readonly Item[], fields: readonly string[]) =>
  rows.map((row) => JSON.stringify(fields.map((name) => row[name]))).toSorted();

/** What one request did and told, held against what its grant allows. */
async function check({ fields, rowFilter }: Terms, request: Asked): Promise<"refused" | "done"> {
  const granted = fields.length === 0 ? names : fields;
  const named = namedBy(request);
  const before = await table();
  const visible = before.filter((row) => selects(rowFilter, row));
  const outcome = await carryOut(request).catch(ConnectorError.from);
  const after = await table();
  const hidden = names.filter((name) => !granted.includes(name));
  if (outcome instanceof ConnectorError) {
    expect(after).toEqual(before);
    const known = new Set([...granted, ...named]);
    for (const name of names) if (!known.has(name)) expect(saidBy(outcome)).not.toContain(name);
    expect([Code.PermissionDenied, Code.FailedPrecondition]).toContain(outcome.code);
    // A rule of the source is met within the grant only.
    if (outcome.code === Code.FailedPrecondition) expect(outcome.reason).toBe("CONSTRAINT_VIOLATED");
    if (outcome.code === Code.FailedPrecondition) expect(named.filter((name) => hidden.includes(name))).toEqual([]);
    return "refused";
  }
  expect(request.kind).not.toBe("native");
  expect(named.filter((name) => hidden.includes(name))).toEqual([]);
  expect(hidden.filter((name) => outcome.fields.includes(name))).toEqual([]);
  const chosen = visible.filter((row) => selects("filter" in request ? request.filter : undefined, row));
  if (request.kind === "read") {
    expect(after).toEqual(before);
    expect(outcome.fields).toEqual(request.fields.length === 0 ? granted : request.fields);
    expect(project(outcome.rows, outcome.fields)).toEqual(project(chosen, outcome.fields));
    return "done";
  }
  checkChange({ granted, rowFilter, before, after, chosen }, request, outcome);
  return "done";
}

interface Change {
  readonly granted: readonly string[];
  readonly rowFilter: Condition | undefined;
  readonly before: readonly Item[];
  readonly after: readonly Item[];
  readonly chosen: readonly Item[];
}

function expectReturned({ fields, rows }: Outcome, touched: readonly Item[]): void {
  expect(project(rows, fields)).toEqual(fields.length === 0 ? [] : project(touched, fields));
}

function checkChange({ granted, rowFilter, before, after, chosen }: Change, request: Asked, outcome: Outcome): void {
  const known = new Map(before.map((row) => [row.f_id, row]));
  const touched = new Set(chosen.map((row) => row.f_id));
  if (request.kind === "delete") {
    expect(outcome.affected).toBe(chosen.length);
    expect(after).toEqual(before.filter((row) => !touched.has(row.f_id)));
    expectReturned(outcome, chosen);
  } else if (request.kind === "update") {
    expect(outcome.affected).toBe(chosen.length);
    expect(after).toEqual(before.map((row) => (touched.has(row.f_id) ? { ...row, ...request.values } : row)));
    const changed = after.filter((row) => touched.has(row.f_id));
    expect(changed.every((row) => selects(rowFilter, row))).toBe(true);
    expectReturned(outcome, changed);
  } else if (request.kind === "make") {
    const [made, ...more] = after.filter((row) => JSON.stringify(row) !== JSON.stringify(known.get(row.f_id ?? null)));
    expect(more).toEqual([]);
    if (made === undefined) return;
    expect(selects(rowFilter, made)).toBe(true);
    const old = known.get(made.f_id ?? null);
    for (const name of names.filter((each) => !granted.includes(each))) expect(made[name]).toBe(old?.[name] ?? null);
  }
}

const timeoutMs = scaled({ test: 120_000, torture: 3_600_000 });

test("no cell, row, count or name beyond a grant is read, changed or told", { timeout: timeoutMs }, async () => {
  const seen = { refused: 0, done: 0 };
  const runs = fc.array(asked, { minLength: 4, maxLength: 8 });
  const { connectorId } = source;
  await fc.assert(
    fc.asyncProperty(terms, runs, async ({ fields, rowFilter }, requests) => {
      await source.run(seed);
      await source.client.rpc.grantConnector({
        ...{ agent, connectorId, permissions: [Permission.QUERY, Permission.EXECUTE] },
        actions: ["create", "update", "delete", "upsert"],
        resources: [{ resource: item, fields: [...fields], ...(rowFilter && { rowFilter: filterOf(rowFilter) }) }],
      });
      for (const request of requests) seen[await check({ fields, rowFilter }, request)]++;
    }),
    { numRuns: scaled({ test: 16, torture: 1_000 }), ...seeded },
  );
  // Both ways were gone.
  expect(Math.min(seen.refused, seen.done)).toBeGreaterThan(15);
});
