/** Texts of every kind of injection, in every place where a caller's text goes: they mean themselves or are refused. */
import { expect } from "vitest";
import { field, type QueryInput } from "../../../src/client/index.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { Case, CaseOf, Cases, Probe, Scene, Stage } from "../case.ts";
import type { NativeStatements } from "../fixture.ts";
import { hostileTexts, namesNowhere, oddNames } from "../hostile.ts";
import { idsOf, pageIdsOf, readPages } from "../reading.ts";
import { hostile, kept, odd } from "../tables.ts";

const needs = ["query"] as const;

export const hostileCases: Cases = ({ native }) => [
  ...hostileTexts.map(asValue),
  ...namesNowhere.map(asName),
  ...unstorable,
  ...(native === undefined ? [] : [asParameters(native)]),
  ...oddlyNamed,
  {
    name: "all rows are as they were",
    needs,
    async run(stage) {
      expect((await readPages(stage, { resource: hostile.name }, 1_000)).rows).toEqual(hostile.rows);
      expect((await readPages(stage, { resource: kept.name }, 1_000)).rows).toEqual(kept.rows);
    },
  },
];

const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
const idsWhere = (selected: (text: string) => boolean) =>
  hostileTexts.flatMap((text, id) => (selected(text) ? [id] : []));

const asValue = (text: string): Case => ({
  name: `the value ${shown(text)} finds the row that has it, and no other`,
  needs,
  async run(stage) {
    const find = (query: object) => pageIdsOf(stage, { resource: hostile.name, ...query });
    const own = idsWhere((other) => other === text);
    const asked = field("text");
    const [eq, where, oneOf, contains, starts] = await Promise.all([
      find({ filter: asked.eq(text) }),
      find({ where: { text } }),
      find({ filter: asked.in([text, `${text} and nothing like it`]) }),
      find({ filter: asked.contains(text) }),
      find({ filter: asked.startsWith(text) }),
    ]);
    expect([eq, where, oneOf]).toEqual([own, own, own]);
    expect(contains).toEqual(idsWhere((other) => other.includes(text)));
    expect(starts).toEqual(idsWhere((other) => other.startsWith(text)));
  },
});

const placesOf = (name: string, { query }: Probe): readonly QueryInput[] => [
  { ...query, resource: name },
  { ...query, fields: [name] },
  { ...query, orderBy: [{ field: name }] },
  { ...query, filter: field(name).eq("x") },
  { ...query, where: { ...query.where, [name]: "x" } },
];

export const asName = (name: string): CaseOf<Scene> => ({
  name: `the name ${shown(name)} is refused wherever a name may stand`,
  needs,
  async run({ client, connectorId, probe }) {
    const refusals = await Promise.all(
      placesOf(name, probe).map((query) => refusalOf(client.query(connectorId, query))),
    );
    for (const { code, reason } of refusals) {
      expect(code).toBe("InvalidArgument");
      expect(reason).toMatch(/^(UNKNOWN_RESOURCE|UNKNOWN_FIELD|INVALID_REQUEST)$/);
    }
  },
});

/** What no source could keep as it is. */
const unstorable: Case[] = [
  {
    name: "a text with a NUL is refused, or finds nothing",
    needs,
    async run(stage) {
      const found = await idsOf(stage, { resource: hostile.name, filter: field("text").eq("a\0b") }).catch(() => []);
      expect(found).toEqual([]);
      const naming = { resource: kept.name, fields: ["te\0xt"] };
      expect(await refusalOf(stage.client.query(stage.connectorId, naming))).toMatchObject({ code: "InvalidArgument" });
    },
  },
];

const asParameters = (native: NativeStatements): Case => ({
  name: "each text comes back as it is when it is a native statement's parameter",
  needs: ["native_query"],
  async run(stage) {
    const text = native.parameter("string") ?? "";
    for (const value of hostileTexts) {
      expect((await readPages(stage, { native: text, parameters: [value] }, 10)).rows).toEqual([[value]]);
    }
  },
});

const oddlyNamed: Case[] = [
  {
    name: "a resource and fields whose own names are such texts are read by these names",
    needs: ["query", "schema"],
    async run(stage) {
      const { rows, fields } = await readPages(stage, { resource: await oddName(stage) }, 2);
      expect(fields.map(({ name }) => name)).toEqual(["id", ...oddNames]);
      expect(rows).toEqual(odd.rows);
    },
  },
  ...oddNames.map(
    (name): Case => ({
      name: `the field ${shown(name)} can be listed, filtered and ordered by`,
      needs: ["query", "schema"],
      async run(stage) {
        const resource = await oddName(stage);
        const value = `1 of ${name}`;
        expect(await idsOf(stage, { resource, filter: field(name).eq(value) })).toEqual([1]);
        expect(await idsOf(stage, { resource, where: { [name]: value } })).toEqual([1]);
        expect(await idsOf(stage, { resource, filter: field(name).startsWith("0 of") })).toEqual([0]);
        expect(await idsOf(stage, { resource, filter: field(name).isNull() })).toEqual([2]);
        const orderBy = [{ field: name, descending: true }];
        const { rows } = await readPages(stage, { resource, fields: [name], orderBy }, 1);
        expect(rows).toEqual([[value], [`0 of ${name}`], [null]]);
      },
    }),
  ),
];

/** As GetSchema shows it: how a name is quoted in a full one, sources say each in its own way. */
async function oddName({ client, connectorId }: Stage): Promise<string> {
  const { resources } = await client.getSchema(connectorId, { namePrefix: odd.name });
  return resources.find(({ localName }) => localName === odd.name)?.name ?? "";
}
