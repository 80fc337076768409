/** The suite's own tables. Cases that change one make it themselves. */
import type { FieldType } from "../../src/rows/field.ts";
import type { Cells, Fixture, Table } from "./fixture.ts";
import { hostileTexts, oddNames } from "./hostile.ts";
import { typesOf } from "./values.ts";

const id = { name: "id", type: "int32", nullable: false } as const;

/** The name of a type's column. */
export const columnOf = (type: FieldType) => `a_${type}`;

function columnsOf(fixture: Fixture, cellsOf: (type: FieldType) => readonly string[]): Omit<Table, "name"> {
  const types = typesOf(fixture).map(([type]) => type);
  const count = Math.max(...types.map((type) => cellsOf(type).length)) + 1;
  return {
    columns: [id, ...types.map((type) => ({ name: columnOf(type), type }))],
    key: ["id"],
    rows: Array.from({ length: count }, (_, row) => [`${row}`, ...types.map((type) => cellsOf(type)[row] ?? null)]),
  };
}

/** A column of every type: row `n` has each type's value `n` of those in ascending order, the last rows null. */
export function typed(fixture: Fixture): Table {
  const values = new Map(typesOf(fixture));
  return { name: "conformance_typed", ...columnsOf(fixture, (type) => values.get(type)?.ascending ?? []) };
}

/** The same with all values of every type, those that the fixture adds among them. */
export function extreme(fixture: Fixture): Table {
  const values = new Map(typesOf(fixture));
  const cellsOf = (type: FieldType) => {
    const { ascending = [], extremes = [] } = values.get(type) ?? {};
    return [...ascending, ...extremes, ...(fixture.extremes?.[type] ?? [])];
  };
  return { name: "conformance_extreme", ...columnsOf(fixture, cellsOf) };
}

/** Every pair of null, 1 and 2. */
export const logic: Table = {
  name: "conformance_logic",
  columns: [id, { name: "a", type: "int32" }, { name: "b", type: "int32" }],
  key: ["id"],
  rows: [null, "1", "2"].flatMap((a, i) => [null, "1", "2"].map((b, j) => [`${3 * i + j}`, a, b])),
};

/** Twenty rows, which no case changes and native statements try to. */
export const kept: Table = {
  name: "conformance_kept",
  columns: [id, { name: "text", type: "string", nullable: false }, { name: "note", type: "string" }],
  key: ["id"],
  rows: Array.from({ length: 20 }, (_, i) => [`${i + 1}`, `text ${i + 1}`, i % 3 === 0 ? null : `note ${i % 3}`]),
};

export const empty: Table = { ...kept, name: "conformance_empty", rows: [] };

/** More rows than a page may have, in the order of a key of two fields. */
export const many: Table = {
  name: "conformance_many",
  columns: [
    { name: "part", type: "int32", nullable: false },
    { name: "number", type: "int32", nullable: false },
    { name: "text", type: "string" },
  ],
  key: ["part", "number"],
  rows: Array.from({ length: 10_050 }, (_, i) => [`${i % 7}`, `${i}`, i % 5 === 0 ? null : `text ${i}`]),
};

/** Has no key, and every row twice. */
export const keyless: Table = {
  name: "conformance_keyless",
  columns: [{ name: "value", type: "int32" }],
  key: [],
  rows: Array.from({ length: 24 }, (_, i) => [`${i >> 1}`]),
};

const bigTextChars = 10_000;

/** More bytes than all buffers between the source and a client hold: about 24 MB. */
export const big: Table = {
  name: "conformance_big",
  columns: [id, { name: "text", type: "string", nullable: false }],
  key: ["id"],
  rows: Array.from({ length: 2_400 }, (_, i): Cells => [`${i}`, `${i} `.repeat(bigTextChars).slice(0, bigTextChars)]),
};

/** A text of every kind that means something to somebody's parser. */
export const hostile: Table = {
  name: "conformance_hostile",
  columns: [id, { name: "text", type: "string", nullable: false }],
  key: ["id"],
  rows: hostileTexts.map((text, i) => [`${i}`, text]),
};

/** Its own name and its columns' are such texts, too. */
export const odd: Table = {
  name: oddNames[0] as string,
  columns: [id, ...oddNames.map((name) => ({ name, type: "string" }) as const)],
  key: ["id"],
  rows: [0, 1, 2].map((row) => [`${row}`, ...oddNames.map((name) => (row === 2 ? null : `${row} of ${name}`))]),
};

/** The connector's user may not read it, where the source knows such a thing. */
export const forbidden: Table = { ...kept, name: "conformance_forbidden" };

export function allTables(fixture: Fixture): readonly Table[] {
  return [typed(fixture), extreme(fixture), logic, kept, empty, many, keyless, big, hostile, odd, forbidden];
}
