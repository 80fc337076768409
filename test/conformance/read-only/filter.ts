/** Filters over rows that are as they are: carried out by the API, by the service where it is allowed, or refused. */
import { expect } from "vitest";
import { and, type FieldFilter, type Filter, field, not, or } from "../../../src/client/index.ts";
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { refusalOf } from "../../service/refusal.ts";
import { readPages, readStream } from "../reading.ts";
import {
  fieldsByType,
  filtered,
  isComparable,
  type Known,
  type KnownField,
  type ReadCase,
  type ReadStage,
} from "./api.ts";

const needs = ["query"] as const;

/** What is true of a cell, false, or unknown as of a null. */
type Truth = boolean | undefined;
/** A condition, and what is expected of each row. */
interface Condition {
  readonly filter: Filter;
  readonly holds: (row: readonly (string | null)[]) => Truth;
}

interface Operator {
  readonly ask: (of: FieldFilter, text: string) => Filter;
  readonly holds: (cell: string, text: string, field: KnownField) => boolean;
  /** What another name may say as well. */
  readonly same?: string;
  readonly isOfTexts?: true;
}

const operators: Readonly<Record<string, Operator>> = {
  eq: { ask: (of, text) => of.eq(text), holds: (...given) => compared(...given) === 0, same: "in" },
  ne: { ask: (of, text) => of.ne(text), holds: (...given) => compared(...given) !== 0, same: "not_in" },
  lt: { ask: (of, text) => of.lt(text), holds: (...given) => compared(...given) < 0 },
  le: { ask: (of, text) => of.le(text), holds: (...given) => compared(...given) <= 0 },
  gt: { ask: (of, text) => of.gt(text), holds: (...given) => compared(...given) > 0 },
  ge: { ask: (of, text) => of.ge(text), holds: (...given) => compared(...given) >= 0 },
  in: { ask: (of, text) => of.in([text]), holds: (...given) => compared(...given) === 0, same: "eq" },
  contains: {
    ask: (of, text) => of.contains(text.slice(1, -1)),
    holds: (cell, text) => cell.includes(text.slice(1, -1)),
    isOfTexts: true,
  },
  starts_with: {
    ask: (of, text) => of.startsWith(text.slice(0, 3)),
    holds: (cell, text) => cell.startsWith(text.slice(0, 3)),
    isOfTexts: true,
  },
};

const numbers: ReadonlySet<FieldType> = new Set([
  ...[FieldType.INT32, FieldType.INT64, FieldType.UINT64],
  ...[FieldType.FLOAT, FieldType.DOUBLE, FieldType.DECIMAL],
]);

/** Below zero when the first is the lesser, by the field's type. */
export function compared(one: string, other: string, { type, enumLabels }: KnownField): number {
  if (numbers.has(type)) return Number(one) - Number(other);
  if (type === FieldType.ENUM) return enumLabels.indexOf(one) - enumLabels.indexOf(other);
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** A value in the middle, so that some are less and some are greater, where there are three. */
export function someValue({ texts }: Known, field: KnownField): string {
  const values = [...new Set(texts.flatMap((row) => row[field.at] ?? []))];
  const ordered = values.toSorted((one, other) => compared(one, other, field));
  return ordered[ordered.length >> 1] ?? "";
}

function conditionOf(known: Known, compares: KnownField, { ask, holds }: Operator): Condition {
  const text = someValue(known, compares);
  return {
    filter: ask(field(compares.name), text),
    holds: (row) => {
      const cell = row[compares.at] ?? null;
      return cell === null ? undefined : holds(cell, text, compares);
    },
  };
}

const pushes = ({ operators: able }: KnownField, operator: string) =>
  able.includes(operator) || able.includes(operators[operator]?.same ?? operator);

/** The rows of a page, when the service may filter. */
async function expectRows(stage: ReadStage, { query, texts }: Known, { filter, holds }: Condition): Promise<void> {
  const expected = texts.filter((row) => holds(row) === true);
  expect((await readPages(stage, { ...query, filter }, 1_000)).rows).toEqual(expected);
}

/** @param turn by which each operator is asked of another type */
const comparing = (name: string, operator: Operator, turn: number): ReadCase => ({
  name: `${name} selects by the type's own order and never null, where the service may filter; else what the API can't is refused`,
  needs,
  async run(stage) {
    const { client, connectorId, isMock } = stage;
    for (const known of filtered(stage)) {
      const asked = fieldsByType(known).filter(
        (each) => isComparable(each) && (!operator.isOfTexts || each.type === FieldType.STRING),
      );
      const each = asked[turn % Math.max(1, asked.length)];
      if (each === undefined) continue;
      const condition = conditionOf(known, each, operator);
      const query = { ...known.query, filter: condition.filter };
      if (!isMock || !pushes(each, name)) await expectRows(stage, known, condition);
      if (pushes(each, name)) {
        const { pushedDown, postFiltered } = await client.explainQuery(connectorId, query);
        expect([pushedDown.includes("filter"), postFiltered]).toEqual([true, []]);
        await client.query(connectorId, query);
        continue;
      }
      const refusal = await refusalOf(client.query(connectorId, query));
      expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST" });
      expect(refusal.fields).toEqual(["query.filter.compare"]);
      expect(refusal.remedy).toContain("allow_post_filter");
      const explained = await client.explainQuery(connectorId, { ...query, allowPostFilter: true });
      expect(explained.postFiltered).toEqual(["query.filter.compare"]);
    }
  },
});

/** A stream filters as pages do, and says so. */
const streamed: ReadCase = {
  name: "a stream is filtered as pages are",
  needs,
  async run(stage) {
    for (const known of filtered(stage)) {
      const each = fieldsByType(known).find((other) => isComparable(other) && other.operators.length === 0);
      if (each === undefined) continue;
      const { filter, holds } = conditionOf(known, each, operators.ge as Operator);
      const { rows } = await readStream(stage, { ...known.query, filter });
      expect(rows).toEqual(known.texts.filter((row) => holds(row) === true));
    }
  },
};

/** Every truth of two comparisons, joined and negated. */
const joined: ReadCase = {
  name: "and, or and not are three-valued: unknown is neither true nor false",
  needs,
  async run(stage) {
    for (const known of filtered(stage)) {
      const [one, other = one] = fieldsByType(known).filter(
        (each) => isComparable(each) && each.operators.length === 0,
      );
      if (one === undefined || other === undefined) continue;
      const { eq, ne } = operators as { eq: Operator; ne: Operator };
      const a = conditionOf(known, one, eq);
      const b = conditionOf(known, other, ne);
      const both: Condition["holds"] = (row) => conjunction(a.holds(row), b.holds(row));
      const either: Condition["holds"] = (row) => negation(conjunction(negation(a.holds(row)), negation(b.holds(row))));
      await expectRows(stage, known, { filter: and(a.filter, b.filter), holds: both });
      await expectRows(stage, known, { filter: or(a.filter, b.filter), holds: either });
      await expectRows(stage, known, { filter: not(or(a.filter, b.filter)), holds: (row) => negation(either(row)) });
      await expectRows(stage, known, { filter: not(and(a.filter, b.filter)), holds: (row) => negation(both(row)) });
    }
  },
};

const negation = (truth: Truth): Truth => (truth === undefined ? undefined : !truth);
const conjunction = (one: Truth, other: Truth): Truth =>
  one === false || other === false ? false : one === undefined || other === undefined ? undefined : true;

const nulls: ReadCase = {
  name: "is_null selects null, and not(is_null) the rest",
  needs,
  async run(stage) {
    for (const known of filtered(stage)) {
      const free = known.fields.filter(({ isFree, operators: able }) => isFree && !able.includes("is_null"));
      // One that has nulls, and one that has none.
      const hasNull = ({ at }: KnownField) => known.texts.some((row) => row[at] === null);
      for (const each of [free.find(hasNull), free.find((other) => !hasNull(other))]) {
        if (each === undefined) continue;
        const filter = field(each.name).isNull();
        await expectRows(stage, known, { filter, holds: (row) => row[each.at] === null });
        await expectRows(stage, known, { filter: not(filter), holds: (row) => row[each.at] !== null });
      }
    }
  },
};

const impossible: ReadCase = {
  name: "what values of a type, or fields that no row holds, can't be asked is refused, whoever filters",
  needs,
  about: "json_or_parameter",
  async run({ client, connectorId, known }) {
    for (const { query, fields } of known) {
      const json = fields.find(({ type, isFree }) => isFree && type === FieldType.JSON);
      const parameter = fields.find(({ isFree, name }) => !isFree && !(name in (query.where ?? {})));
      for (const each of [json, parameter]) {
        if (each === undefined) continue;
        const asked = { ...query, filter: not(field(each.name).startsWith("1")), allowPostFilter: true };
        const refusal = await refusalOf(client.query(connectorId, asked));
        expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST" });
        expect(refusal.fields[0]).toMatch(/^query\.filter\.not\.compare\.operator$/);
      }
    }
  },
};

const wrongOperands: ReadCase = {
  name: "a value that the type can't hold is refused, and never repeated",
  needs,
  about: "number",
  async run({ client, connectorId, known }) {
    for (const each of known) {
      const number = each.fields.find(({ type, isFree }) => isFree && (numbers.has(type) || type === FieldType.BOOL));
      if (number === undefined) continue;
      const filter = field(number.name).eq("a secret");
      const refusal = await refusalOf(client.query(connectorId, { ...each.query, filter, allowPostFilter: true }));
      expect(refusal).toMatchObject({ code: "InvalidArgument", fields: ["query.filter.compare.values[0]"] });
      expect(JSON.stringify(refusal)).not.toContain("a secret");
    }
  },
};

const required: ReadCase = {
  name: "a resource that is read by a filter only says by which",
  needs,
  about: "required_filter",
  async run({ client, connectorId, known }) {
    for (const { query, fields } of known) {
      const [name] = Object.keys(query.where ?? {});
      const { where: _, ...rest } = query;
      const isNeeded = (await client.explainQuery(connectorId, rest).catch(() => undefined)) === undefined;
      if (name === undefined || !isNeeded || !fields.some((each) => each.name === name)) continue;
      const refusal = await refusalOf(client.query(connectorId, rest));
      expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST", fields: ["query.filter"] });
      expect(refusal.message).toContain(`\`${name}\``);
    }
  },
};

export const filterCases: readonly ReadCase[] = [
  ...Object.entries(operators).map(([name, operator], i) => comparing(name, operator, i)),
  streamed,
  nulls,
  joined,
  impossible,
  wrongOperands,
  required,
];
