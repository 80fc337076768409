/** What a query gives, as the canonical text of its cells: decoded from the contract alone. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { type QueryInput, queryOf } from "../../src/client/query.ts";
import { Paging, type QueryRequestSchema } from "../../src/gen/connector/v1/query_pb.js";
import { Format, type StreamTrailer } from "../../src/gen/connector/v1/stream_pb.js";
import type { Field } from "../../src/gen/connector/v1/value_pb.js";
import { canonical, packedTexts, type Texts, valueText } from "../service/decoding.ts";
import type { Stage } from "./case.ts";

export interface Read {
  readonly fields: readonly Field[];
  readonly rows: Texts;
}

export interface ReadStream extends Read {
  readonly trailer: StreamTrailer;
  /** `header`, `packed` for each batch, `trailer`. */
  readonly parts: readonly string[];
}

/** What is read through: the suite's stage, or any other connector. */
type Reader = Pick<Stage, "client" | "connectorId">;

export async function readStream(
  stage: Reader,
  query: QueryInput,
  format: Format = Format.PACKED,
): Promise<ReadStream> {
  const request = { connectorId: stage.connectorId, query: queryOf(postFiltered(query)), format };
  let fields: readonly Field[] = [];
  let trailer: StreamTrailer | undefined;
  const rows: Texts = [];
  const parts: string[] = [];
  for await (const { part } of stage.client.rpc.streamQuery(request)) {
    parts.push(part.case ?? "nothing");
    if (part.case === "header") fields = part.value.fields;
    if (part.case === "packed") rows.push(...packedTexts(part.value, fields.length));
    if (part.case === "values") rows.push(...part.value.rows.map((row) => row.values.map(valueText)));
    if (part.case === "trailer") trailer = part.value;
  }
  if (trailer === undefined) throw new Error("The stream has no trailer.");
  return { fields, rows: canonical(rows, fields), trailer, parts };
}

/** What a source can't filter by, the service may. */
const postFiltered = (query: QueryInput): QueryInput =>
  "native" in query ? query : { ...query, allowPostFilter: true };

export interface ReadPages extends Read {
  /** How many rows each page had. */
  readonly sizes: readonly number[];
  readonly paging: keyof typeof Paging;
}

/**
 * Reads page after page to the end.
 *
 * @param between is done after each page but the last; `count` is that of the rows so far
 */
export async function readPages(
  stage: Reader,
  query: QueryInput,
  pageSize: number,
  between: (count: number) => Promise<void> = async () => {},
): Promise<ReadPages> {
  const request: MessageInitShape<typeof QueryRequestSchema> = {
    connectorId: stage.connectorId,
    query: queryOf(postFiltered(query)),
  };
  const rows: Texts = [];
  const sizes: number[] = [];
  for (let pageToken = ""; ; ) {
    const page = await stage.client.rpc.query({ ...request, pageSize, pageToken });
    // Whoever filters here has looked for more, and may have found nothing.
    const mayBeEmpty = sizes.length === 0 || page.postFiltered.length > 0;
    if (!mayBeEmpty) expect(page.rows.length, "a page but the first is not empty").toBeGreaterThan(0);
    sizes.push(page.rows.length);
    rows.push(...page.rows.map((row) => row.values.map(valueText)));
    pageToken = page.nextPageToken;
    if (pageToken === "") {
      const { fields } = page;
      return { fields, rows: canonical(rows, fields), sizes, paging: Paging[page.paging] as keyof typeof Paging };
    }
    await between(rows.length);
  }
}

type ResourceQuery = Omit<Extract<QueryInput, { resource: string }>, "fields">;

/** The ids of the rows that a query gives, by a page: in the query's own order, if it has one. */
export async function pageIdsOf(stage: Stage, query: ResourceQuery): Promise<number[]> {
  return inOrder(query, (await readPages(stage, { ...query, fields: ["id"] }, 10_000)).rows);
}

/** The same by a page and by a stream, which must be alike. */
export async function idsOf(stage: Stage, query: ResourceQuery): Promise<number[]> {
  const streamed = readStream(stage, { ...query, fields: ["id"] });
  const [ids, stream] = await Promise.all([pageIdsOf(stage, query), streamed]);
  expect(inOrder(query, stream.rows), "a stream gives what pages do").toEqual(ids);
  return ids;
}

function inOrder({ orderBy }: ResourceQuery, rows: Texts): number[] {
  const ids = rows.map(([id]) => Number(id));
  return orderBy === undefined ? ids.sort((a, b) => a - b) : ids;
}
