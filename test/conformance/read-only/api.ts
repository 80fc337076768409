/**
 * An API that somebody else runs, so that nothing can be put into it: what the suite is told of
 * it, and what it finds out by reading before its cases begin.
 */
import type { ConnectorClient, ResourceQuery } from "../../../src/client/index.ts";
import type { ResourceField } from "../../../src/gen/connector/v1/schema_pb.js";
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import type { Texts } from "../../service/decoding.ts";
import type { CaseOf, Scene } from "../case.ts";
import type { Fixture, Network, Target } from "../fixture.ts";
import { readPages } from "../reading.ts";

/** Something to be read, and what the API itself answers, asked beside the service. */
export interface Reading {
  readonly query: ResourceQuery;
  /** The rows as JSON has them. */
  readonly rows: () => Promise<readonly unknown[]>;
  /** Where fields stand in a row, where that is not below their name; `undefined` for what is not in it. */
  readonly paths?: Readonly<Record<string, string | undefined>>;
  /** The API takes its time for it: it is not filtered in every way. */
  readonly isLarge?: true;
}

/** What a case is about that not every API has. */
export type Trait = "json_or_parameter" | "number" | "required_filter" | "sent_text";

/** An API that is running. */
export interface ReadOnlyApi {
  /** Each with a credential of its own, where one is good for one connector only. */
  target(): Promise<Target>;
  /** The first one has the same rows whenever they are read: several, unless the API is a mock. */
  readonly readings: readonly [Reading, ...Reading[]];
}

export interface ReadOnlyFixture {
  /** As a test's name has it: `Figma's API`. */
  readonly name: string;
  /**
   * It answers the same, one row of everything, whatever it is asked to filter or to order by: what
   * is sent is judged, and not what comes of it.
   */
  readonly isMock?: true;
  /** One of the resources that are read, of which nobody has said how it is changed. */
  readonly unchanged: string;
  readonly network: Network;
  /** Cases of these are left out. Default: it has all of them. */
  readonly lacks?: readonly Trait[];
  readonly mistakes: Fixture["mistakes"];
  open(): Promise<ReadOnlyApi>;
}

/** A reading, and what it was found to be. */
export interface Known extends Reading {
  readonly fields: readonly KnownField[];
  /** Of its fields in their order. */
  readonly texts: Texts;
}

export interface KnownField extends Pick<ResourceField, "name" | "type" | "enumLabels"> {
  /** The operators that the API itself carries out, as GetSchema tells it. */
  readonly operators: readonly string[];
  readonly isOrdered: boolean;
  /** Rows hold it, and the reading does not ask for one value of it. */
  readonly isFree: boolean;
  /** Its place among the cells of a row. */
  readonly at: number;
}

export interface ReadStage extends Scene {
  readonly api: ReadOnlyApi;
  readonly isMock: boolean;
  readonly unchanged: string;
  readonly known: readonly [Known, ...Known[]];
}

/** What is asked for in every way. */
export const filtered = ({ known }: ReadStage): readonly Known[] => known.filter(({ isLarge }) => !isLarge);

export interface ReadCase extends CaseOf<ReadStage> {
  /** Default: what every API has. */
  readonly about?: Trait;
}

/** Types of which one value can be greater than another. */
const incomparable: ReadonlySet<FieldType> = new Set([FieldType.JSON, FieldType.ARRAY, FieldType.OTHER]);
export const isComparable = ({ type }: Pick<KnownField, "type">) => !incomparable.has(type);

/** One field of each type, so that no case asks for the same a hundred times. */
export function fieldsByType({ fields, texts }: Known): readonly KnownField[] {
  const filled = fields.filter(({ isFree, at }) => isFree && texts.some((row) => row[at] !== null));
  return filled.filter(({ type }, i) => filled.findIndex((other) => other.type === type) === i);
}

export async function knownOf(
  reading: Reading,
  { client, connectorId }: { readonly client: ConnectorClient; readonly connectorId: string },
): Promise<Known> {
  const { query } = reading;
  const { resources } = await client.getSchema(connectorId, { namePrefix: query.resource });
  const resource = resources.find(({ name }) => name === query.resource);
  const read = await readPages({ client, connectorId }, query, 1_000);
  const fields = read.fields.map(({ name, type }, at): KnownField => {
    const described = resource?.fields.find((field) => field.name === name);
    const able = /\[([^\]]*)\]$/.exec(described?.comment ?? "")?.[1]?.split("; ") ?? [];
    const operators =
      able
        .find((part) => part.startsWith("filter: "))
        ?.slice(8)
        .split(", ") ?? [];
    const isFree = !able.includes("parameter") && !able.includes("required") && !(name in (query.where ?? {}));
    return {
      name,
      type,
      enumLabels: described?.enumLabels ?? [],
      operators,
      isOrdered: able.includes("order"),
      isFree,
      at,
    };
  });
  return { ...reading, fields, texts: read.rows };
}
