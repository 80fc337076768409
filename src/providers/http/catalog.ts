/** What a connector's API has: what is declared, what its OpenAPI document says, and fields that are inferred from rows. */
import { text } from "node:stream/consumers";
import { Failure } from "../../failure.ts";
import type { Call } from "../contract.ts";
import { didYouMean, nearest } from "../query/nearest.ts";
import { inferFields } from "./body/infer/fields.ts";
import type { ConnectorConfig } from "./config/connector.ts";
import { type Declared, declaredIn } from "./config/connector.ts";
import type { HttpAction, HttpResource, ReadOperation } from "./declaration.ts";
import type { ApiDescription } from "./openapi/description.ts";
import { descriptionOptions } from "./openapi/examination.ts";
import { describeApi, maxDocumentBytes } from "./openapi/reading.ts";
import { pagerOf, sizeFor } from "./paging/pager.ts";
import { start } from "./paging/position.ts";
import { notThere, type SourceParts } from "./reading/source.ts";
import { namesIn, requestOf } from "./request.ts";
import { type QueriedResource, queriedResource } from "./resource.ts";
import { type SharedReading, sharedReading } from "./shared-reading.ts";

export interface Catalog {
  /**
   * All resources, by their names; fields that nobody has declared are inferred where the rows can be read.
   *
   * @param anew whatever is known already
   */
  resources(anew: boolean, call: Call): Promise<readonly HttpResource[]>;
  /** @throws Failure `unknown_resource` with the nearest names */
  resource(name: string, call: Call): Promise<QueriedResource>;
  actions(call: Call): Promise<readonly HttpAction[]>;
  /** What of the OpenAPI document was left out and why, as sentences. */
  notes(call: Call): Promise<readonly string[]>;
}

/** Milliseconds after which the document is read again. */
const maxAgeMs = 5 * 60_000;
/** Rows from which fields are inferred. */
const sampledRows = 100;

interface Known extends Declared {
  readonly notes: readonly string[];
  readonly byName: ReadonlyMap<string, HttpResource>;
  /** Made ready when they are first asked for. */
  readonly ready: Map<HttpResource, SharedReading<QueriedResource>>;
}

/** @param tenant Whose connector it is. */
export function createCatalog(config: ConnectorConfig, parts: SourceParts, tenant: string): Catalog {
  const declared = declaredIn(config);
  let readAt = 0;
  const known = sharedReading(async (call): Promise<Known> => {
    readAt = performance.now();
    const described = await readDocument(config, parts, tenant, call);
    return knownOf(merged(declared, described), described.notes);
  });

  function current(anew: boolean, call: Call): Promise<Known> {
    const isOld = config.openapi !== undefined && performance.now() - readAt > maxAgeMs;
    if (anew || isOld) known.forget();
    return known.get(call);
  }

  function ready({ ready: made }: Known, resource: HttpResource, call: Call): Promise<QueriedResource> {
    const found =
      made.get(resource) ?? sharedReading(async (each) => queriedResource(await withFields(resource, parts, each)));
    made.set(resource, found);
    return found.get(call);
  }

  return {
    async resources(anew, call) {
      const all = await current(anew, call);
      return Promise.all(all.resources.map((each) => (each.fields.length > 0 ? each : sampled(all, each, call))));
    },
    async resource(name, call) {
      const all = await current(false, call);
      const found = all.byName.get(name);
      if (found === undefined) throw unknownResource(name, all.byName.keys());
      return ready(all, found, call);
    },
    actions: async (call) => (await current(false, call)).actions,
    notes: async (call) => (await current(false, call)).notes,
  };

  /** What can't be read has no fields that can be shown, and its comment says why. */
  async function sampled(all: Known, resource: HttpResource, call: Call): Promise<HttpResource> {
    try {
      const { fields } = await ready(all, resource, call);
      if (fields.length === 0) return withoutFields(resource, whyNone(resource));
      return { ...resource, fields: fields.map((field) => ({ ...field, enumLabels: field.enumLabels ?? [] })) };
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof Failure) return withoutFields(resource, error.message);
      throw error;
    }
  }
}

function knownOf({ resources, actions }: Declared, notes: readonly string[]): Known {
  const byName = new Map(resources.map((resource) => [resource.name, resource]));
  return { resources, actions, notes, byName, ready: new Map() };
}

/** What the connector itself declares goes before. */
function merged(own: Declared, described: Declared): Declared {
  const resources = new Set(own.resources.map(({ name }) => name));
  const actions = new Set(own.actions.map(({ name }) => name));
  return {
    resources: [...own.resources, ...described.resources.filter(({ name }) => !resources.has(name))],
    actions: [...own.actions, ...described.actions.filter(({ name }) => !actions.has(name))],
  };
}

async function readDocument(
  config: ConnectorConfig,
  parts: SourceParts,
  tenant: string,
  call: Call,
): Promise<Omit<ApiDescription, "size">> {
  const { openapi } = config;
  if (openapi === undefined) return { resources: [], actions: [], notes: [] };
  const document = "document" in openapi ? openapi.document : await fetched(openapi.path, parts, call);
  return describeApi(document, descriptionOptions(config), tenant, call.signal);
}

async function fetched(path: string, { base, client, headers }: SourceParts, call: Call): Promise<string> {
  const request = requestOf({ base, method: "GET", path, query: {}, body: undefined, assignments: [], headers });
  try {
    const answer = await client.send({ ...request, maxBytes: maxDocumentBytes }, call);
    return await text(answer.body);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unknown_resource") throw notThere("its OpenAPI document", error);
    throw error;
  }
}

/** The resource, with the fields of its first rows when nobody has declared any. */
async function withFields(resource: HttpResource, parts: SourceParts, call: Call): Promise<HttpResource> {
  if (resource.fields.length > 0) return resource;
  const read = sampledRead(resource.reads);
  if (read === undefined) return resource;
  const answer = await sampleOf(resource, read, parts, call);
  const inferred = await inferFields({ resource: resource.name, format: read.rows, maxRows: sampledRows }, answer.body);
  const fields = inferred.map((field) => ({ ...field, description: "", enumLabels: [], readOnly: false }));
  return { ...resource, fields };
}

/** Where a list is not there, the connector leads to nothing. */
async function sampleOf(resource: HttpResource, read: ReadOperation, parts: SourceParts, call: Call) {
  try {
    return await parts.client.send(sampleRequest(resource, read, parts), call);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "unknown_resource") throw error;
    throw notThere(`\`${resource.name}\``, error);
  }
}

function withoutFields(resource: HttpResource, why: string): HttpResource {
  return { ...resource, description: `${resource.description} [no fields: ${why}]`.trim() };
}

function whyNone({ reads }: HttpResource): string {
  const read = sampledRead(reads);
  if (read === undefined) return "Its rows are read by a filter only, so that none were seen. Declare its fields.";
  const place = "rows" in read.rows && read.rows.rows !== "" ? ` at ${read.rows.rows}` : "";
  return `The source's answer has no rows${place} that they could be inferred from. Check the path of \`rows\`, or declare them.`;
}

/** The way to read that asks for no filter. */
const sampledRead = (reads: HttpResource["reads"]) => reads.findLast(({ path }) => namesIn(path).length === 0);

function sampleRequest({ name }: HttpResource, read: ReadOperation, { base, headers }: SourceParts) {
  const { method, path, query, body, paging } = read;
  const at = pagerOf({ resource: name, base, paging, key: [] }).at(start, sizeFor(paging.size, sampledRows));
  const assignments = "url" in at ? [] : at.assignments;
  return requestOf({ base, method, path, query, body, assignments, headers, repeatable: true });
}

function unknownResource(name: string, names: Iterable<string>): Failure {
  const description = `There is no resource \`${name}\` that the connector declares.${didYouMean(nearest(name, names))}`;
  return new Failure("unknown_resource", description, {
    where: "request",
    remedy: "Name a resource as GetSchema shows it; capitals count.",
    fields: [{ field: "query.resource", description }],
  });
}
