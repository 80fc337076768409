/** Whether pages together are all rows in order, once each, while others come and go. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ResourceQuery } from "../../../src/providers/contract.ts";
import type { SqlResource } from "../../../src/providers/sql/dialect.ts";
import { compileSelect, nextContinuation } from "../../../src/providers/sql/select.ts";
import { scaled, seeded } from "../../torture/scale.ts";
import {
  bounded,
  createTable,
  type Engine,
  insertRows,
  queryOf,
  type Row,
  rowOf,
  type Source,
  type Table,
  tableOf,
} from "./engine.ts";

type Order = ResourceQuery["orderBy"];

const rowCount = 40;
const readingsPerTable = 6;

/** Tests of the pages of random tables of the engine. */
export function testPages(engine: Engine): void {
  let source: Source;
  let tables = 0;
  beforeAll(async () => {
    source = await engine.open();
  });
  afterAll(() => source.close());

  test("pages are all rows in order, once each, by any order and page size, whatever the table", async () => {
    const readings = tableOf(engine, rowCount, true).chain((table) =>
      fc.tuple(
        fc.constant(table),
        fc.array(readingOf(table), { minLength: readingsPerTable, maxLength: readingsPerTable }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(readings, async ([table, asked]) => {
        const resource = await createTable(source, `pages_${tables++}`, table);
        const originals = table.rows.map((row, i) => ({ id: 10 * i, row }));
        for (const { orderBy, size } of asked) {
          const ids = await readPages(source, resource, orderBy, size);
          expect(ids, JSON.stringify(orderBy)).toEqual(ordered(originals, orderBy, table));
        }
      }),
      { ...seeded, numRuns: scaled({ test: 12, torture: 300 }), ...bounded },
    );
  });

  test("pages neither repeat nor lose a row that stays, while others come and go", async () => {
    const scene = tableOf(engine, rowCount, true).chain((table) =>
      fc.record({
        table: fc.constant(table),
        reading: readingOf(table),
        coming: fc.array(fc.tuple(fc.integer({ min: -5, max: 10 * rowCount }), rowOf(table.columns)), {
          minLength: 60,
          maxLength: 60,
        }),
        going: fc.shuffledSubarray(
          table.rows.map((_, i) => 10 * i),
          { minLength: 20, maxLength: 20 },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(scene, async ({ table, reading: { orderBy, size }, coming, going }) => {
        const resource = await createTable(source, `busy_${tables++}`, table);
        const gone = new Set<number>();
        const others = [...going];
        const come = coming.filter(([id], i) => id % 10 !== 0 && coming.findIndex(([other]) => other === id) === i);
        const disturb = async (lastId: number) => {
          // Every other time the very row at which the page has ended.
          const leaving = others.length % 2 === 0 ? lastId : (others[0] as number);
          others.shift();
          gone.add(leaving);
          await source.run(`DELETE FROM ${resource.sqlName} WHERE id = ${leaving}`, []);
          const arrived = come.splice(0, 2).map(([id, row]) => ({ id, row }));
          if (arrived.length > 0) await insertRows(source, resource, arrived);
        };
        const ids = await readPages(source, resource, orderBy, size, disturb);
        expect(ids.length).toBe(new Set(ids).size);
        const staying = table.rows.map((row, i) => ({ id: 10 * i, row })).filter(({ id }) => !gone.has(id));
        const seen = ids.filter((id) => id >= 0 && id % 10 === 0 && !gone.has(id));
        expect(seen, JSON.stringify(orderBy)).toEqual(ordered(staying, orderBy, table));
      }),
      { ...seeded, numRuns: scaled({ test: 15, torture: 500 }), ...bounded },
    );
  });
}

function readingOf({ columns }: Table) {
  const names = Object.keys(columns);
  const orderBy = fc
    .shuffledSubarray([...names, "id"])
    .chain((chosen) =>
      fc.tuple(...chosen.map((field) => fc.record({ field: fc.constant(field), descending: fc.boolean() }))),
    );
  return fc.record({ orderBy, size: fc.integer({ min: 1, max: rowCount + 1 }) });
}

/** Page after page to the end, as a session reads; ids only, so that other keys are hidden ones. */
async function readPages(
  { dialect, run }: Source,
  resource: SqlResource,
  orderBy: Order,
  size: number,
  between: (lastId: number) => Promise<void> = async () => {},
): Promise<number[]> {
  const ids: number[] = [];
  for (let continuation: string | undefined; ; ) {
    const query = queryOf(resource, { orderBy });
    const compiled = compileSelect({ dialect, resource, query, page: { size, continuation } });
    expect(compiled.paging).toBe("keyset");
    const rows = await run(compiled.text, compiled.parameters);
    const page = rows.slice(0, compiled.pageRows);
    ids.push(...page.map(([id]) => Number(id)));
    if (rows.length === page.length) return ids;
    continuation = nextContinuation(compiled, page.length, page.at(-1) ?? []);
    await between(ids.at(-1) as number);
  }
}

/** Ids in the order that a query asks for; among equals, by the key in the last direction. */
function ordered(rows: readonly { id: number; row: Row }[], orderBy: Order, { columns, key }: Table): number[] {
  const descending = orderBy.at(-1)?.descending ?? false;
  const keys = key === undefined || orderBy.some(({ field }) => field === "id") ? ["id"] : [key, "id"];
  const whole = [...orderBy, ...keys.map((field) => ({ field, descending }))];
  return rows
    .toSorted((a, b) => {
      for (const { field, descending: down } of whole) {
        const order = field === "id" ? a.id - b.id : compareCells(a.row[field], b.row[field], columns[field]);
        const nulls = field !== "id" && (a.row[field] === null || b.row[field] === null);
        if (order !== 0) return down && !nulls ? -order : order;
      }
      return 0;
    })
    .map(({ id }) => id);
}

/** Nulls last, in whatever direction. */
function compareCells(
  a: string | null | undefined,
  b: string | null | undefined,
  column: Table["columns"][string] | undefined,
) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return column?.compare(a, b) ?? 0;
}
