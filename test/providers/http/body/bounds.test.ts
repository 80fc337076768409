/** Bodies that are long, slow, endless or given up: memory stays bounded and rows come when they are there. */
import { describe, expect, test } from "vitest";
import { rowReader } from "../../../../src/providers/http/body/rows.ts";
import { batchBytes } from "../../../../src/rows/packed.ts";
import { textRows } from "../../../../src/rows/page.ts";
import { scaled } from "../../../torture/scale.ts";
import { failureOf, field, json, outcome } from "./reading.ts";

const mebibyte = 1024 * 1024;
const maxRowBytes = 256 * 1024;

/** The first bytes, then the same ones over and over. Counts what was taken, and whether it was given up. */
function endless(first: string, again: string, most = Number.POSITIVE_INFINITY) {
  const chunk = Buffer.from(again.repeat(Math.ceil(65_536 / again.length)));
  const body = { bytes: 0, isEnded: false, [Symbol.asyncIterator]: () => chunks() };
  async function* chunks() {
    try {
      yield Buffer.from(first);
      for (; body.bytes < most; body.bytes += chunk.length) yield chunk;
    } finally {
      body.isEnded = true;
    }
  }
  return body;
}

describe("what never ends", () => {
  const one = { format: json("/data"), fields: [field("id", "string")], maxRowBytes };

  test.each([
    ["a text", '{"data":[{"id":"', "aé\\n"],
    ["a number", '{"data":[{"id":1', "1"],
    ["an array in a row", '{"data":[{"x":[', "1,"],
    ["a row of keys", '{"data":[{"id":1', ',"id":2'],
    ["white space in a row", '{"data":[{', " "],
  ])("%s is too large a row, and the body is given up", async (_, first, again) => {
    const body = endless(first, again);
    const { rows, failure } = await outcome(one, body);
    expect(rows).toEqual([]);
    expect(failure).toMatchObject({ kind: "too_large", metadata: { max_bytes: String(maxRowBytes) } });
    expect(body).toMatchObject({ isEnded: true });
    expect(body.bytes).toBeLessThan(2 * maxRowBytes);
  });

  test.each([
    ["name", '{"', "a"],
    ["wanted value beside the rows", '{"next":"', "a"],
  ])("a %s is too large", async (_, first, again) => {
    const { failure } = await outcome({ ...one, beside: ["/next"] }, endless(first, again));
    expect(failure).toMatchObject({ kind: "too_large" });
  });

  test("a line without an end is too large a row", async () => {
    const { failure } = await outcome({ ...one, format: { kind: "ndjson" } }, endless('{"id":"', "a"));
    expect(failure).toMatchObject({ kind: "too_large" });
  });

  test("a quoted cell of CSV is too large a row", async () => {
    const csv = { kind: "csv", delimiter: ",", header: true } as const;
    const { failure } = await outcome({ ...one, format: csv }, endless('id\n"', "a\n"));
    expect(failure).toMatchObject({ kind: "too_large" });
  });

  test("a text of XML is too large a row", async () => {
    const { failure } = await outcome({ ...one, format: { kind: "xml", rows: "/a/r" } }, endless("<a><r><id>", "abc "));
    expect(failure).toMatchObject({ kind: "too_large" });
  });

  test("attributes of XML are too large a row", async () => {
    async function* attributes() {
      yield Buffer.from("<a><r");
      for (let i = 0; ; i++) yield Buffer.from(` a${i}='${"b".repeat(1_000)}'`);
    }
    const { failure } = await outcome({ ...one, format: { kind: "xml", rows: "/a/r" } }, attributes());
    expect(failure).toMatchObject({ kind: "too_large" });
  });
});

test("a row of the largest size is read, one byte more is not", async () => {
  const body = (size: number) => `{"data":[{"id":"${"a".repeat(size - 9)}"}]}`;
  const expected = { format: json("/data"), fields: [field("id", "string")], maxRowBytes: 1_000 };
  expect(await failureOf(expected, body(1_001))).toMatchObject({ kind: "too_large" });
  const { failure, rows } = await outcome(expected, endless(body(1_000), " ", 1));
  expect(failure).toBeUndefined();
  expect(rows[0]?.[0]).toHaveLength(991);
});

test("what is passed over takes no memory, however long it is", async () => {
  const before = process.memoryUsage().arrayBuffers;
  const size = scaled({ test: 6, torture: 1_024 }) * mebibyte;
  const body = endless('{"data":[{"id":1}],"x":["', "all that is not asked for, é\\\\", size);
  const reading = rowReader({ resource: "things", format: json("/data"), fields: [field("id", "int64")] })(body);
  await expect(Array.fromAsync(reading.batches)).rejects.toMatchObject({ kind: "upstream_lost" });
  expect(body.bytes).toBeGreaterThanOrEqual(size);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * mebibyte);
});

test("batches are full ones and no more, even where a chunk holds many rows of nulls", async () => {
  const fields = Array.from({ length: 500 }, (_, i) => field(`f${i}`, "string"));
  const body = endless("[{}", ",{}", mebibyte);
  const sizes: number[] = [];
  const reading = rowReader({ resource: "things", format: json(""), fields })(body);
  try {
    for await (const batch of reading.batches) {
      sizes.push(batch.size);
      if (sizes.length === 20) break;
    }
  } finally {
    expect(Math.max(...sizes)).toBeLessThan(batchBytes + 1_000);
  }
  expect(body.isEnded).toBe(true);
});

test.each([
  [json(""), '[{"id":1},{"id":2},', '{"id":3}]'],
  [{ kind: "ndjson" }, '{"id":1}\n{"id":2}\n{"i', 'd":3}'],
  [{ kind: "csv", delimiter: ";", header: true }, "id\n1\n2\n", "3\n"],
  [{ kind: "xml", rows: "/a/r" }, "<a><r><id>1</id></r><r><id>2</id></r>", "<r><id>3</id></r></a>"],
] as const)("rows of %o come while the source is still busy with the next ones", async (format, first, rest) => {
  const { promise: later, resolve } = Promise.withResolvers<void>();
  async function* body() {
    yield Buffer.from(first);
    await later;
    yield Buffer.from(rest);
  }
  const reading = rowReader({ resource: "things", format, fields: [field("id", "int64")] })(body());
  const batches = reading.batches[Symbol.asyncIterator]();
  const { value: batch } = await batches.next();
  expect(textRows(batch, 1)).toEqual([["1"], ["2"]]);
  resolve();
  const { value: last } = await batches.next();
  expect(textRows(last, 1)).toEqual([["3"]]);
  expect(await batches.next()).toMatchObject({ done: true });
});

test("the rows before the source was lost come before its error", async () => {
  const lost = new Error("lost");
  async function* body() {
    yield Buffer.from('[{"id":1},{"id":2},{"i');
    throw lost;
  }
  const reading = rowReader({ resource: "things", format: json(""), fields: [field("id", "int64")] })(body());
  const rows: unknown[] = [];
  const whole = async () => {
    for await (const batch of reading.batches) rows.push(...textRows(batch, 1));
  };
  await expect(whole()).rejects.toBe(lost);
  expect(rows).toEqual([["1"], ["2"]]);
});
