/** Streams the whole table, and compares what came with what the database says. */
import { Truncation } from "../client/index.ts";
import { Failure } from "../failure.ts";
import type { Tour } from "./connecting.ts";
import { count, megabytes, millisecondsOf, time } from "./figures.ts";

interface City {
  readonly name: string;
  readonly population: number | null;
}

interface Received {
  rows: number;
  bytes: number;
  inhabitants: number;
  /** Bytes of all names. */
  nameBytes: number;
}

/** @param expected rows, for the progress */
export async function streamAll({ client, terminal, signal }: Tour, connectorId: string, expected: number) {
  terminal.code(`for await (const batch of client.stream(id, { resource: "city" }).batches()) …`);
  const received: Received = { rows: 0, bytes: 0, inhabitants: 0, nameBytes: 0 };
  const stream = client.stream<City>(connectorId, { resource: "city" }, { signal });
  const progress = terminal.progress();
  const start = performance.now();
  for await (const batch of stream.batches()) {
    for (const row of batch) {
      received.inhabitants += row.population ?? 0;
      received.nameBytes += Buffer.byteLength(row.name);
    }
    received.rows += batch.length;
    received.bytes += batch.bytes;
    progress.show(received.rows / expected, () => {
      const rate = (received.rows / (performance.now() - start)) * 1_000;
      return `${count(received.rows)} rows · ${megabytes(received.bytes)} · ${count(rate)} rows/s`;
    });
  }
  const { rows, bytes, truncated, attempts, timings } = await stream.trailer;
  const whole = truncated === Truncation.UNSPECIFIED ? "complete" : `cut off: ${Truncation[truncated]}`;
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  terminal.marked("none", `${count(rows)} rows, ${count(bytes)} bytes, ${whole}, ${tries}`, "trailer");
  const [connect, source, transfer] = [timings?.connect, timings?.source, timings?.transfer].map((part) =>
    time(millisecondsOf(part)),
  );
  terminal.marked("none", `connection ${connect}, first byte ${source}, the rest ${transfer}`, "time");
  await compare({ client, terminal, signal }, connectorId, received);
}

async function compare({ client, terminal, signal }: Tour, connectorId: string, received: Received): Promise<void> {
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
