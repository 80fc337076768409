/** Texts of every kind of injection, where a caller's text goes: they mean themselves or are refused. */
import { expect } from "vitest";
import { ConnectorError } from "../../../src/client/error.ts";
import { field, not, or } from "../../../src/client/index.ts";
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { asName } from "../cases/hostile.ts";
import { hostileTexts, namesNowhere } from "../hostile.ts";
import { readPages } from "../reading.ts";
import { filtered, type Known, type ReadCase } from "./api.ts";

const needs = ["query"] as const;

/** What the service may answer where an API refuses a text, or has nothing by it. */
const fair = new Set(["INVALID_REQUEST", "STATEMENT_REJECTED", "CONFIGURATION_REJECTED", "UPSTREAM_PERMISSION_DENIED"]);
/** One of so many of the texts is sent to the API itself. */
const stride = 12;

/** A field of texts that the service itself compares. */
const textOf = ({ fields }: Known) =>
  fields.find(({ type, isFree, operators }) => isFree && type === FieldType.STRING && operators.length === 0);

function selected(known: Known, holds: (cell: string) => boolean) {
  const at = textOf(known)?.at ?? 0;
  return known.texts.filter((row) => row[at] !== null && holds(row[at] ?? ""));
}

export const hostileCases: readonly ReadCase[] = [
  {
    name: "as names they are refused wherever a name may stand",
    needs,
    async run(stage) {
      for (const name of namesNowhere.filter((_, i) => i % stride === 0)) await asName(name).run(stage);
    },
  },
  {
    name: "as values that the service compares they find what has them, and no other row",
    needs,
    async run(stage) {
      for (const known of filtered(stage)) {
        const text = textOf(known);
        if (text === undefined) continue;
        const asked = field(text.name);
        const find = async (filter: ReturnType<typeof not>) =>
          (await readPages(stage, { ...known.query, filter }, 1_000)).rows;
        const isOne = (cell: string) => hostileTexts.includes(cell);
        expect(await find(asked.in(hostileTexts))).toEqual(selected(known, isOne));
        expect(await find(not(asked.in(hostileTexts)))).toEqual(selected(known, (cell) => !isOne(cell)));
        const contained = hostileTexts.filter((each) => each !== "");
        expect(await find(or(...contained.map((each) => asked.contains(each))))).toEqual(
          selected(known, (cell) => contained.some((each) => cell.includes(each))),
        );
        expect(await find(or(...contained.map((each) => asked.startsWith(each))))).toEqual(
          selected(known, (cell) => contained.some((each) => cell.startsWith(each))),
        );
      }
    },
  },
  {
    name: "as values that are sent to the API they are answered or refused, and end in no other place of it",
    needs,
    async run({ client, connectorId, known }) {
      const texts = hostileTexts.filter((_, i) => i % stride === 0);
      for (const { query, fields } of known) {
        const names = Object.keys(query.where ?? {}).filter((name) =>
          fields.some((each) => each.name === name && each.type === FieldType.STRING),
        );
        for (const name of names) {
          const where = (text: string) => ({ ...query, where: { ...query.where, [name]: text } });
          const ends = await Promise.all(texts.map((text) => endOf(client.query(connectorId, where(text)))));
          for (const end of ends) expect(fair.has(end) || end === "rows", end).toBe(true);
        }
      }
    },
  },
  {
    name: "what is read afterwards is as it was",
    needs,
    async run(stage) {
      const { query, rows } = stage.probe;
      expect((await readPages(stage, query, 1_000)).rows).toEqual(rows);
    },
  },
];

/** The reason of a refusal, or that there was none. */
async function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "rows",
    (error: unknown) => ConnectorError.from(error).reason ?? "none",
  );
}
