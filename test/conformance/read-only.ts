/**
 * What is asked of an API that somebody else runs, so that nothing can be put into it: that what
 * is read is what it answers, whichever way it is read, and that what is wrong is said.
 */
import { expect } from "vitest";
import type { ConnectorClient, ResourceQuery } from "../../src/client/index.ts";
import { Format } from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { doubleText } from "../service/decoding.ts";
import { allRows, refusalOf } from "../service/refusal.ts";
import { rogueServer } from "../support/service.ts";
import type { Target } from "./fixture.ts";
import { readPages, readStream } from "./reading.ts";

/** Something to be read, and what the API itself answers, asked beside the service. */
export interface Reading {
  readonly query: ResourceQuery;
  /** The rows as JSON has them. */
  readonly rows: () => Promise<readonly unknown[]>;
  /** Where fields stand in a row, where that is not below their name; `undefined` for what is not in it. */
  readonly paths?: Readonly<Record<string, string | undefined>>;
}

export interface ReadOnlyApi {
  /** Each with a credential of its own, where one is good for one connector only. */
  target(): Promise<Target>;
  /** One at least. */
  readonly readings: readonly [Reading, ...Reading[]];
  /** Whom the API refuses. Left out where it asks nobody who they are. */
  readonly stranger?: Target;
}

/** A connector to the API, of the provider `rest`. */
export interface ReadOnlyStage {
  readonly client: ConnectorClient;
  readonly connectorId: string;
  readonly api: ReadOnlyApi;
  /** Another connector; gives its id. */
  connector(target: Target): Promise<string>;
}

interface ReadOnlyCase {
  readonly name: string;
  run(stage: ReadOnlyStage): Promise<void>;
}

export const readOnlyCases: readonly ReadOnlyCase[] = [
  {
    name: "a test says that it works",
    async run({ client, connectorId }) {
      const { ok, checks } = await client.testConnector(connectorId);
      expect({ ok, failed: checks.filter(({ reason }) => reason !== "") }).toEqual({ ok: true, failed: [] });
    },
  },
  {
    name: "the schema has what can be read, and fields that are as they are read",
    async run(stage) {
      const { resources } = await stage.client.getSchema(stage.connectorId, { pageSize: 1_000 });
      for (const { query } of stage.api.readings) {
        const described = resources.find(({ name }) => name === query.resource);
        const { fields } = await readPages(stage, { ...query, fields: [] }, 100);
        expect(fields.map(({ name, type }) => [name, type])).toEqual(
          described?.fields.map((field) => [field.name, field.type]),
        );
      }
    },
  },
  {
    name: "values are what the API answers",
    async run(stage) {
      for (const { query, rows, paths = {} } of stage.api.readings) {
        const read = await readPages(stage, query, 1_000);
        const expected = await rows();
        expect(expected.length).toBeGreaterThan(0);
        expect(read.rows).toHaveLength(expected.length);
        read.fields.forEach((field, at) => {
          const path = field.name in paths ? paths[field.name] : `/${field.name}`;
          if (path === undefined) return;
          const cells = read.rows.map((row) => readCell(row[at] ?? null, field));
          expect(cells, `${query.resource}.${field.name}`).toEqual(
            expected.map((row) => writtenCell(valueAt(row, path), field)),
          );
        });
      }
    },
  },
  {
    name: "small pages, a large one and streams of both formats give the same rows",
    async run(stage) {
      for (const { query } of stage.api.readings) {
        const { rows } = await readPages(stage, query, 1_000);
        expect((await readPages(stage, query, 1)).rows).toEqual(rows);
        expect((await readStream(stage, query)).rows).toEqual(rows);
        expect((await readStream(stage, query, Format.VALUES)).rows).toEqual(rows);
      }
    },
  },
  {
    name: "a limit cuts pages and streams",
    async run(stage) {
      for (const { query } of stage.api.readings) {
        const [first] = (await readPages(stage, query, 1_000)).rows;
        expect((await readPages(stage, { ...query, limit: 1 }, 1_000)).rows).toEqual([first]);
        expect((await readStream(stage, { ...query, limit: 1 })).rows).toEqual([first]);
      }
    },
  },
  {
    name: "a field by itself is the one among all",
    async run(stage) {
      for (const { query } of stage.api.readings) {
        const { fields, rows } = await readPages(stage, query, 1_000);
        const names = fields.map(({ name }) => name).reverse();
        const turned = await readPages(stage, { ...query, fields: names }, 1_000);
        expect(turned.rows).toEqual(rows.map((row) => row.toReversed()));
      }
    },
  },
  {
    name: "what would be sent is told without values",
    async run({ client, connectorId, api }) {
      for (const { query } of api.readings) {
        const { statement } = await client.explainQuery(connectorId, query);
        expect(statement).toMatch(/^(?:GET|POST) \/\S*$/m);
        // What the connector always sends stands there as it is; what is asked for does not.
        for (const value of Object.values(query.where ?? {})) {
          expect(statement).not.toContain(`=${encodeURIComponent(String(value))}`);
        }
      }
    },
  },
  {
    name: "resources and fields that are not there are refused with the nearest name",
    async run({ client, connectorId, api }) {
      const [{ query }] = api.readings;
      const resource = await refusalOf(client.query(connectorId, { ...query, resource: `${query.resource}x` }));
      expect(resource).toMatchObject({ reason: "UNKNOWN_RESOURCE", message: expect.stringContaining(query.resource) });
      const field = await refusalOf(allRows(client.stream(connectorId, { ...query, fields: ["no such field"] })));
      expect(field).toMatchObject({ code: "InvalidArgument", reason: "UNKNOWN_FIELD" });
    },
  },
  {
    name: "an API that is not there can't be reached",
    async run({ client, connector, api }) {
      const server = await rogueServer(() => {});
      await server.stop();
      const lost = await connector(atPort(await api.target(), server.port));
      const { ok, checks } = await client.testConnector(lost);
      expect(ok).toBe(false);
      expect(checks.map(({ reason }) => reason)).toContain("UPSTREAM_UNREACHABLE");
    },
  },
  {
    name: "who may not read is told so",
    async run({ client, connector, api: { stranger, readings } }) {
      if (stranger === undefined) return;
      const refused = { code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED" };
      expect(await refusalOf(client.query(await connector(stranger), readings[0].query))).toMatchObject(refused);
    },
  },
];

function atPort(target: Target, port: number): Target {
  const base = new URL(String(target.config.base_url));
  base.port = String(port);
  return { ...target, config: { ...target.config, base_url: base.href } };
}

/** By a JSON pointer. */
function valueAt(row: unknown, path: string): unknown {
  const steps = path.split("/").slice(1);
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], row) ?? null;
}

/** What a cell says, so that two spellings of one value are equal. */
function readCell(cell: string | null, { type }: Field): unknown {
  if (cell === null) return null;
  if (type === FieldType.JSON) return JSON.parse(cell);
  if (type === FieldType.BOOL) return cell === "t";
  if (type === FieldType.TIMESTAMP_TZ) return new Date(cell.replace(" ", "T").replace(/\+00$/, "Z")).toISOString();
  return cell;
}

/** What the API wrote, by the type that the field is said to have. */
function writtenCell(value: unknown, { type }: Field): unknown {
  if (value === null || type === FieldType.JSON || type === FieldType.BOOL) return value;
  if (type === FieldType.TIMESTAMP_TZ) return new Date(String(value)).toISOString();
  if (type === FieldType.FLOAT || type === FieldType.DOUBLE) return doubleText(Number(value));
  return typeof value === "number" ? String(value) : value;
}
