/** Streams the whole table, and compares what came with what the database says. */
import { type ResourceQuery, type Row, type RowStream, Truncation } from "../client/index.ts";
import { Failure } from "../failure.ts";
import type { Tour } from "./connecting.ts";
import { count, megabytes, millisecondsOf, time } from "./figures.ts";
import type { Terminal } from "./terminal.ts";

type StreamTrailer = Awaited<RowStream["trailer"]>;

interface City {
  readonly name: string;
  readonly population: number | null;
}

/** What the database is asked for, too. */
interface Sums {
  rows: number;
  inhabitants: number;
  /** Bytes of all names. */
  nameBytes: number;
}

/** @param expected rows, for the progress */
export async function streamAll(tour: Tour, connectorId: string, expected: number): Promise<void> {
  const sums: Sums = { rows: 0, inhabitants: 0, nameBytes: 0 };
  await readAll<City>(tour, connectorId, { resource: "city" }, expected, ({ name, population }) => {
    sums.rows++;
    sums.inhabitants += population ?? 0;
    sums.nameBytes += Buffer.byteLength(name);
  });
  await compare(tour, connectorId, sums);
}

/** Streams what a query selects, shows how it goes, and makes sure that it came whole. */
export async function readAll<T extends object>(
  { client, terminal, signal }: Tour,
  connectorId: string,
  query: ResourceQuery,
  expected: number,
  see: (row: Row<T>) => void = () => undefined,
): Promise<void> {
  terminal.code(`for await (const batch of client.stream(id, ${shown(query)}).batches()) …`);
  const stream = client.stream<T>(connectorId, query, { signal });
  const progress = terminal.progress();
  const start = performance.now();
  let [rows, bytes] = [0, 0];
  const state = () => {
    const rate = (rows / (performance.now() - start)) * 1_000;
    return `${count(rows)} rows · ${megabytes(bytes)} · ${count(rate)} rows/s`;
  };
  for await (const batch of stream.batches()) {
    for (const row of batch) see(row);
    rows += batch.length;
    bytes += batch.bytes;
    // What is expected may be an estimate.
    if (rows < expected) progress.show(rows / expected, state);
  }
  progress.show(1, state);
  const trailer = await stream.trailer;
  if (trailer.rows !== BigInt(rows)) throw new Failure("internal", `${rows} rows came, of ${trailer.rows}.`);
  tell(terminal, trailer);
}

function tell(terminal: Terminal, { rows, bytes, truncated, attempts, timings }: StreamTrailer): void {
  const whole = truncated === Truncation.UNSPECIFIED ? "complete" : `cut off: ${Truncation[truncated]}`;
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  terminal.marked("none", `${count(rows)} rows, ${count(bytes)} bytes, ${whole}, ${tries}`, "trailer");
  const [connect, source, transfer] = [timings?.connect, timings?.source, timings?.transfer].map((part) =>
    time(millisecondsOf(part)),
  );
  terminal.marked("none", `connection ${connect}, first byte ${source}, the rest ${transfer}`, "time");
}

/** As one writes it. */
function shown(query: ResourceQuery): string {
  const parts = Object.entries(query).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `{ ${parts.join(", ")} }`;
}

async function compare({ client, terminal, signal }: Tour, connectorId: string, received: Sums): Promise<void> {
  const native = "SELECT count(*), sum(population), sum(octet_length(name)) FROM city";
  const [row] = (await client.query(connectorId, { native }, { signal })).rows;
  const here = [received.rows, received.inhabitants, received.nameBytes].map(String);
  const there = (row?.toArray() ?? []).map(String);
  if (here.join() !== there.join()) {
    throw new Failure("internal", `The stream gave ${here.join(", ")} where SQL says ${there.join(", ")}.`);
  }
  terminal.marked(
    "good",
    `${count(received.inhabitants)} inhabitants and ${count(received.nameBytes)} bytes of names, as SQL adds them up`,
    "check",
  );
}
