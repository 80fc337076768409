/** Texts of every kind of injection, where a caller's text goes: they mean themselves or are refused. */
import { expect } from "vitest";
import { ConnectorError } from "../../../src/client/error.ts";
import { field, not, or, type QueryInput } from "../../../src/client/index.ts";
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { asName } from "../cases/hostile.ts";
import type { Network } from "../fixture.ts";
import { hostileTexts, namesNowhere } from "../hostile.ts";
import { readPages } from "../reading.ts";
import { filtered, type Known, type ReadCase, type ReadStage } from "./api.ts";
import { type Parts, recorder } from "./recorder.ts";

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

export const hostileCases = (network: Network): readonly ReadCase[] => [
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
        const own = known.texts.flatMap((row) => row[text.at] ?? [])[0] ?? "";
        expect(await find(asked.in([...hostileTexts, own]))).toEqual(
          selected(known, (cell) => isOne(cell) || cell === own),
        );
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
    about: "sent_text",
    run: (stage) =>
      throughRecorder(stage, network, async (askedBy) => {
        for (const { query, name } of stage.known.flatMap(sentTexts)) {
          const where = (text: string) => ({ ...query, where: { ...query.where, [name]: text } });
          // What the API is asked by then belongs to no text.
          await askedBy(where(harmless));
          const { asked: usual } = await askedBy(where(harmless));
          expect(JSON.stringify(usual[0])).toContain(harmless);
          for (const text of hostileTexts.filter((_, i) => i % stride === 0)) {
            const { end, asked } = await askedBy(where(text));
            expect(fair.has(end) || end === "rows", end).toBe(true);
            const [first] = asked;
            if (first === undefined) expect(end).toBe("INVALID_REQUEST");
            else expect(first).toEqual(usual[0]?.map((part) => part.replaceAll(harmless, () => text)));
          }
        }
      }),
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

const harmless = "harmless";

/** The fields of a reading that the API is told the value of as a text. */
function sentTexts({ query, fields }: Known) {
  const names = Object.keys(query.where ?? {}).filter((name) =>
    fields.some((each) => each.name === name && each.type === FieldType.STRING),
  );
  return names.map((name) => ({ query, name }));
}

/** The reason of a refusal, or that there was none. */
async function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "rows",
    (error: unknown) => ConnectorError.from(error).reason ?? "none",
  );
}

/** How a query ends, and what the API was asked for it. */
type AskedBy = (query: QueryInput) => Promise<{ readonly end: string; readonly asked: readonly Parts[] }>;

/** A connector that reaches the API by somebody who writes down what is asked. */
async function throughRecorder(
  stage: ReadStage,
  network: Network,
  work: (askedBy: AskedBy) => Promise<void>,
): Promise<void> {
  const target = await stage.target();
  const recording = await recorder(network.addressOf(target));
  try {
    const address = { host: "127.0.0.1", port: recording.port };
    const connectorId = await stage.connector({ target: network.at(target, address) });
    await work(async (query) => {
      recording.asked.splice(0);
      const end = await endOf(stage.client.query(connectorId, query));
      return { end, asked: [...recording.asked] };
    });
  } finally {
    recording.stop();
  }
}
