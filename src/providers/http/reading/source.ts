/** The source's pages of one query, each opened by one request. */
import { Failure } from "../../../failure.ts";
import type { PackedBatch } from "../../../rows/packed.ts";
import type { Call } from "../../contract.ts";
import type { RowReader } from "../body/format.ts";
import { rowReader } from "../body/rows.ts";
import type { ReadOperation } from "../declaration.ts";
import type { HttpAnswer, HttpClient, HttpRequest } from "../exchange.ts";
import { type Pager, pagerOf } from "../paging/pager.ts";
import type { Position } from "../paging/position.ts";
import type { ReadPlan } from "../plan.ts";
import { requestOf } from "../request.ts";

/** A page whose rows are on their way. */
export interface OpenPage {
  readonly batches: AsyncIterable<PackedBatch>;
  /** The page behind, when the batches have ended; undefined at the end. */
  next(rows: number): Position | undefined;
}

export interface PageSource {
  /** @throws what the client throws, and Failure `invalid_page_token` for a place that the operation can't have */
  open(position: Position, size: number | undefined, call: Call): Promise<OpenPage>;
}

export interface SourceParts {
  readonly base: URL;
  readonly client: HttpClient;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

export function pageSource(plan: ReadPlan, { base, client, headers }: SourceParts): PageSource {
  const { operation, resource } = plan;
  const { pager, reader } = preparedFor(plan, base);
  const requestAt = (position: Position, size: number | undefined): HttpRequest => {
    const { method, path, query, body } = operation;
    const at = pager.at(position, size);
    if ("url" in at) return { method, url: at.url, headers };
    const assignments = [...plan.assignments, ...at.assignments];
    // A search that is sent by POST changes nothing.
    return requestOf({ base, method, path, query, body, assignments, headers, repeatable: true });
  };
  return {
    async open(position, size, call) {
      const request = { ...requestAt(position, size), maxBytes: Number.POSITIVE_INFINITY };
      const answer = await sent(client, request, operation, call);
      if (answer === undefined) return noRows;
      const reading = reader(answer.body);
      const { headers, origin } = answer;
      const next = (rows: number) => pager.next({ position, request, headers, origin, reading, rows, size });
      return { batches: reading.batches, next };
    },
  };

  /** Undefined where the source says that there is none. */
  async function sent(
    ...[client, request, { missing }, call]: [HttpClient, HttpRequest, ReadOperation, Call]
  ): Promise<HttpAnswer | undefined> {
    try {
      return await client.send(request, call);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "unknown_resource") throw error;
      if (missing === "no_rows") return undefined;
      throw notThere(`\`${resource.name}\``, error);
    }
  }
}

/**
 * The connector leads to a place where nothing is.
 *
 * @param what should be there
 */
export function notThere(what: string, cause: Failure): Failure {
  const { metadata, status } = cause;
  return new Failure("configuration_rejected", `The source has nothing where the connector says that ${what} is.`, {
    ...{ where: "connector", final: true, metadata, cause },
    ...(status === undefined ? {} : { status }),
    remedy: "Check `config.base_url` and the path that the connector declares, and that the credential may see it.",
  });
}

const noRows: OpenPage = { batches: (async function* () {})(), next: () => undefined };

interface Prepared {
  readonly pager: Pager;
  readonly reader: RowReader;
}

/** What is worked out once for all queries that read the same fields by the same operation. */
const prepared = new WeakMap<ReadOperation, Map<string, Prepared>>();
/** Sets of fields that are remembered for one operation. */
const maxPrepared = 100;

function preparedFor({ operation, resource, read }: ReadPlan, base: URL): Prepared {
  const known = prepared.get(operation) ?? new Map<string, Prepared>();
  prepared.set(operation, known);
  // One document may describe the APIs of several connectors, each with a server of its own.
  const names = [base.href, ...read.map(({ name }) => name)].join("\0");
  const found = known.get(names);
  if (found !== undefined) return found;
  const key = resource.primaryKey.flatMap((name) => resource.fields.find((field) => field.name === name)?.path ?? []);
  const pager = pagerOf({ resource: resource.name, base, paging: operation.paging, key: key });
  const { beside, last } = pager;
  const reader = rowReader({ resource: resource.name, format: operation.rows, fields: read, beside, last });
  if (known.size >= maxPrepared) known.clear();
  const made = { pager, reader };
  known.set(names, made);
  return made;
}
