/** Actions: what Execute does at the source shows to a query, and what it must not do does not. */
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { field, type Parameter } from "../../../src/client/index.ts";
import { valueFrom } from "../../../src/client/value.ts";
import type { ExecuteRequestSchema } from "../../../src/gen/connector/v1/action_pb.js";
import { type Field, FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { canonical, type Texts } from "../../service/decoding.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { Case, Cases, Stage } from "../case.ts";
import type { Table } from "../fixture.ts";
import { hostileTexts } from "../hostile.ts";
import { readPages } from "../reading.ts";
import { extreme, kept } from "../tables.ts";

const needs = ["execute", "query"] as const;

type Request = Exclude<MessageInitShape<typeof ExecuteRequestSchema>, { $typeName: string }>;
type Action = NonNullable<Request["action"]>;

const execute = ({ client, connectorId }: Stage, action: Action, more: Omit<Request, "action"> = {}) =>
  client.rpc.execute({ connectorId, action, ...more });

/** A table that nobody else changes, with the kept rows. */
async function own(stage: Stage, table: Table = kept): Promise<Table> {
  const made = { ...table, name: `made_${randomUUID().slice(-12)}` };
  await stage.create([made]);
  return made;
}

const rowsOf = async (stage: Stage, { name }: Table) => (await readPages(stage, { resource: name }, 1_000)).rows;

const given = (rows: readonly (readonly Parameter[])[]) => rows.map((row) => ({ values: row.map(valueFrom) }));
const fields = ["id", "text", "note"];
const create = (resource: string, rows: readonly (readonly Parameter[])[], names = fields): Action => ({
  case: "create",
  value: { resource, fields: names, rows: given(rows) },
});

/** What is done to the kept rows, how many are touched, and what they are then. */
interface Change {
  readonly action: (resource: string) => Action;
  readonly affected: bigint;
  readonly after: readonly (readonly (string | null)[])[];
}

const changes: Readonly<Record<string, Change>> = {
  "rows that are created are there, with nulls": {
    action: (resource) =>
      create(resource, [
        [21, "it's", null],
        [22, "", "note"],
      ]),
    affected: 2n,
    after: [...kept.rows, ["21", "it's", null], ["22", "", "note"]],
  },
  "an update changes what its condition selects": {
    action: (resource) => ({
      case: "update",
      value: { resource, filter: field("id").in([1, 2]), values: { text: valueFrom("new"), note: valueFrom(null) } },
    }),
    affected: 2n,
    after: kept.rows.map((row, i) => (i < 2 ? [row[0] ?? "", "new", null] : row)),
  },
  "a delete removes what its condition selects": {
    action: (resource) => ({ case: "delete", value: { resource, where: { id: [1, 20] } } }),
    affected: 2n,
    after: kept.rows.slice(1, -1),
  },
  "an upsert changes the rows that are there and adds the others": {
    action: (resource) => ({
      case: "upsert",
      value: {
        resource,
        fields,
        rows: given([
          [20, "twenty", "n"],
          [21, "more", null],
        ]),
      },
    }),
    affected: 2n,
    after: [...kept.rows.slice(0, -1), ["20", "twenty", "n"], ["21", "more", null]],
  },
};

const changeCases = Object.entries(changes).flatMap(([name, { action, affected, after }]): Case[] => [
  {
    name,
    needs,
    async run(stage) {
      const table = await own(stage);
      expect(await execute(stage, action(table.name))).toMatchObject({ affectedRows: affected });
      expect(await rowsOf(stage, table)).toEqual(after);
    },
  },
  {
    name: `a dry run changes nothing: ${name}`,
    needs,
    async run(stage) {
      const table = await own(stage);
      const { affectedRows, statement } = await execute(stage, action(table.name), { dryRun: true });
      expect([affectedRows, statement === ""]).toEqual([affected, false]);
      expect(await rowsOf(stage, table)).toEqual(kept.rows);
    },
  },
  {
    name: `more rows than the caller's cap are left as they are: ${name}`,
    needs,
    async run(stage) {
      const table = await own(stage);
      const refusal = await refusalOf(execute(stage, action(table.name), { maxAffectedRows: affected - 1n }));
      expect(refusal).toMatchObject({ code: "FailedPrecondition", reason: "TOO_MANY_AFFECTED" });
      expect(await rowsOf(stage, table)).toEqual(kept.rows);
    },
  },
  {
    name: `under a key it is done once: ${name}`,
    needs,
    async run(stage) {
      const table = await own(stage);
      const idempotencyKey = randomUUID();
      expect(await execute(stage, action(table.name), { idempotencyKey })).toMatchObject({ replayed: false });
      expect(await execute(stage, action(table.name), { idempotencyKey })).toMatchObject({
        ...{ replayed: true, affectedRows: affected },
      });
      expect(await rowsOf(stage, table)).toEqual(after);
    },
  },
]);

interface Refused {
  readonly action: (resource: string) => Action;
  readonly code: string;
  readonly reason: string;
}

const taken = "a key that is taken";
const wrong = { code: "InvalidArgument", reason: "INVALID_REQUEST" };
const refused: Readonly<Record<string, Refused>> = {
  [taken]: {
    action: (resource) =>
      create(resource, [
        [100, "new", null],
        [1, "taken", null],
      ]),
    ...{ code: "FailedPrecondition", reason: "CONSTRAINT_VIOLATED" },
  },
  "null where there must be a value": {
    action: (resource) => create(resource, [[100, null, null]]),
    ...wrong,
  },
  "a value of another type": { action: (resource) => create(resource, [["many", "new", null]]), ...wrong },
  "an update without a condition": {
    action: (resource) => ({ case: "update", value: { resource, values: { text: valueFrom("x") } } }),
    ...wrong,
  },
  "a delete without a condition": { action: (resource) => ({ case: "delete", value: { resource } }), ...wrong },
  "a field that there is not": {
    action: (resource) => create(resource, [[100, "x"]], ["id", "txet"]),
    ...{ code: "InvalidArgument", reason: "UNKNOWN_FIELD" },
  },
  "a resource that there is not": {
    action: (resource) => create(`${resource}x`, [[100, "x", null]]),
    ...{ code: "InvalidArgument", reason: "UNKNOWN_RESOURCE" },
  },
};

const refusedCase = (what: string, { action, code, reason }: Refused): Case => ({
  name: `${what} is refused, and all rows are as they were`,
  needs,
  async run(stage) {
    const table = await own(stage);
    expect(await refusalOf(execute(stage, action(table.name)))).toMatchObject({ code, reason });
    expect(await rowsOf(stage, table)).toEqual(kept.rows);
  },
});

/** Where one change is made of all rows, any condition selects them. */
const conditionCase: Case = {
  name: "an update changes what any condition selects",
  needs,
  async run(stage) {
    const table = await own(stage);
    const values = { note: valueFrom("early") };
    const action: Action = { case: "update", value: { resource: table.name, filter: field("id").le(2), values } };
    expect(await execute(stage, action)).toMatchObject({ affectedRows: 2n, items: [] });
    expect(await rowsOf(stage, table)).toEqual(
      kept.rows.map(([id, text, note], i) => [id, text, i < 2 ? "early" : note]),
    );
  },
};

/** Where each row is changed by itself, each has its own result, and a condition names rows. */
const itemsCase: Case = {
  name: "rows are changed one by one: each has its result, and a condition that names none is refused",
  needs,
  async run(stage) {
    const table = await own(stage);
    const rows = [
      [100, "new", null],
      [1, "taken", null],
      [101, "newer", null],
    ];
    const done = await execute(stage, create(table.name, rows));
    expect(done).toMatchObject({ affectedRows: 2n });
    expect(done.items.map(({ index, ok, reason }) => [index, ok, reason])).toEqual([
      [0, true, ""],
      [1, false, "CONSTRAINT_VIOLATED"],
      [2, true, ""],
    ]);
    const alone = await refusalOf(execute(stage, create(table.name, [[1, "taken", null]])));
    expect(alone).toMatchObject({ code: "FailedPrecondition", reason: "CONSTRAINT_VIOLATED" });
    const values = { note: valueFrom("early") };
    const unnamed: Action = { case: "update", value: { resource: table.name, filter: field("id").le(2), values } };
    expect(await refusalOf(execute(stage, unnamed))).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
    });
    const after = [...kept.rows, ["100", "new", null], ["101", "newer", null]];
    expect(await rowsOf(stage, table)).toEqual(after);
  },
};

/** Blanks between the parts of a JSON document may be lost where it travels in another one. */
function compacted(rows: Texts, fields: readonly Field[]): Texts {
  return rows.map((row) =>
    row.map((cell, i) =>
      fields[i]?.type === FieldType.JSON ? (cell?.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1") ?? null) : cell,
    ),
  );
}

export const actionCases: Cases = (fixture) => [
  ...changeCases,
  ...(fixture.changes === "single_rows" ? [itemsCase] : [conditionCase]),
  ...Object.entries(refused)
    // What is there already keeps no other row from being created, where each is created by itself.
    .filter(([what]) => fixture.changes !== "single_rows" || what !== taken)
    .map(([what, asked]) => refusedCase(what, asked)),
  {
    name: "every value of every type is stored to the letter",
    needs,
    async run(stage) {
      const { columns, rows } = extreme(fixture);
      const table = await own(stage, { ...extreme(fixture), rows: [] });
      await execute(
        stage,
        create(
          table.name,
          rows,
          columns.map(({ name }) => name),
        ),
      );
      const read = await readPages(stage, { resource: table.name }, 100);
      const texts = canonical(rows, read.fields);
      expect(compacted(read.rows, read.fields)).toEqual(compacted(texts, read.fields));
    },
  },
  {
    name: "hostile texts are stored as they are, and the rows that are touched come back",
    needs,
    async run(stage) {
      const table = await own(stage, { ...kept, rows: [] });
      const rows = hostileTexts.map((text, id) => [id, text, null] as const);
      const { affectedRows, rows: returned } = await execute(stage, create(table.name, rows), { returning: ["text"] });
      expect(affectedRows).toBe(BigInt(rows.length));
      expect(returned.map(({ values }) => values[0]?.kind.value).toSorted()).toEqual(hostileTexts.toSorted());
      expect(await rowsOf(stage, table)).toEqual(rows.map(([id, text]) => [`${id}`, text, null]));
    },
  },
];
