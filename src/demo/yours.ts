/** The main job on a database that the user has given, of which nothing is known before. */
import { type Cell, ResourceKind, type ResourceQuery } from "../client/index.ts";
import { Failure } from "../failure.ts";
import { describeResources, register, type Tour, test } from "./connecting.ts";
import { count, millisecondsOf, time } from "./figures.ts";
import type { Given } from "./given.ts";
import type { Step } from "./steps.ts";
import { readAll } from "./streaming.ts";

/** Rows of a stream at most: it shows how it is done, and is no copy. */
const mostRows = 1_000_000;
const columnsShown = 5;
const charactersShown = 16;

export async function showGiven(tour: Tour, step: Step, given: Given): Promise<void> {
  const id = await step("Register the database that you gave as a connector", () => register(tour, given));
  await step("Test it", () => testGiven(tour, id));
  const resource = await step("Describe what it holds", () => describeGiven(tour, id));
  if (resource === undefined) return;
  await step(`Query it: the first rows of ${resource.name}`, () => queryFirst(tour, id, resource));
  await step("Stream them", () => readAll(tour, id, { resource: resource.name, limit: mostRows }, resource.rows));
}

async function testGiven(tour: Tour, id: string): Promise<void> {
  if (await test(tour, id)) return;
  throw new Failure("configuration_rejected", "The database that you gave does not pass its test.", {
    remedy: "Do what the failed check says, and run it again.",
  });
}

/** The resource that the rest is shown with. */
interface Shown {
  readonly name: string;
  readonly primaryKey: readonly string[];
  /** About. */
  readonly rows: number;
}

async function describeGiven(tour: Tour, id: string): Promise<Shown | undefined> {
  const resources = await describeResources(tour, id);
  const largest = resources
    .filter(({ kind, fields }) => kind !== ResourceKind.VIEW && fields.length > 0)
    .toSorted((a, b) => Number(b.estimatedRows ?? 0n) - Number(a.estimatedRows ?? 0n))[0];
  if (largest === undefined) {
    tour.terminal.marked("fair", "It has no table that its user may read: GRANT SELECT on one to show more.");
    return undefined;
  }
  const { name, primaryKey, estimatedRows } = largest;
  return { name, primaryKey, rows: Math.min(mostRows, Number(estimatedRows ?? 0n)) };
}

async function queryFirst({ client, terminal, signal }: Tour, id: string, shown: Shown): Promise<void> {
  const query: ResourceQuery = { resource: shown.name, orderBy: shown.primaryKey };
  terminal.code(`client.query(id, ${JSON.stringify(query)}, { pageSize: 5 })`);
  const page = await client.query(id, query, { pageSize: 5, signal });
  terminal.table(
    page.fields.slice(0, columnsShown).map(({ name }) => ({ title: shortened(name) })),
    page.rows.map((row) => row.toArray().slice(0, columnsShown).map(textOf)),
  );
  const more = page.fields.length - columnsShown;
  const fields = more > 0 ? `and ${more} more fields; ` : "";
  terminal.note(`${fields}${count(page.rows.length)} rows in ${time(millisecondsOf(page.timings?.total))}`);
}

function textOf(cell: Cell): string {
  if (cell === null) return "–";
  return shortened(cell instanceof Uint8Array ? `${cell.length} bytes` : String(cell));
}

/** On one line, and no longer than a column is wide. */
function shortened(text: string): string {
  const characters = [...text.slice(0, 4 * charactersShown).replace(/\p{C}/gu, "·")];
  if (characters.length <= charactersShown) return characters.join("");
  return `${characters.slice(0, charactersShown - 1).join("")}…`;
}
