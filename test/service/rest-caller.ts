/** Calls by the service's own OpenAPI document: what is sent and what comes back is held against it. */
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect } from "vitest";

interface Operation {
  readonly operationId: string;
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

export interface RestRequest {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: of whatever form the document gives it
  readonly json: any;
}

export interface RestCaller {
  /** The ids of all operations of the document. */
  readonly operations: readonly string[];
  /** Those that were called and answered as the document says. */
  readonly called: ReadonlySet<string>;
  call(operationId: string, request?: RestRequest): Promise<RestAnswer>;
  /** The lines of a stream, each of which is as the document says. */
  lines(operationId: string, request?: RestRequest): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The answer itself, of which nothing is read or looked at. */
  send(operationId: string, request?: RestRequest, signal?: AbortSignal): Promise<Response>;
}

const pointer = (...parts: string[]) =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");

export async function restCaller(url: string, token: string): Promise<RestCaller> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addFormat("int64", true).addFormat("uint64", true).addSchema(document, "document");
  const operations = new Map(
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([verb, operation]) => [operation.operationId, { path, verb, operation }] as const),
    ),
  );
  const called = new Set<string>();
  const find = (operationId: string) => operations.get(operationId) ?? expect.unreachable(`no ${operationId}`);

  const check = (what: string, at: string, value: unknown) => {
    const validate = ajv.getSchema(`document#${at}`) ?? ajv.compile({ $ref: `document#${at}` });
    expect(validate(value), `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`).toBe(true);
  };

  const send: RestCaller["send"] = (operationId, { path = {}, query, body, headers } = {}, signal) => {
    const operation = find(operationId);
    const filled = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name] ?? name));
    return fetch(`${url}${filled}${query === undefined ? "" : `?${query}`}`, {
      method: operation.verb.toUpperCase(),
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  };

  const answered = async (operationId: string, request: RestRequest) => {
    const { path, verb, operation } = find(operationId);
    const response = await send(operationId, request);
    const isKnown = String(response.status) in operation.responses;
    const type = response.headers.get("content-type") ?? "";
    const schemaAt = isKnown
      ? pointer("paths", path, verb, "responses", String(response.status), "content", type, "schema")
      : pointer("components", "schemas", "Problem");
    if (!isKnown) expect(type).toBe("application/problem+json");
    if (isKnown && operation.requestBody !== undefined) {
      const at = pointer("paths", path, verb, "requestBody", "content", "application/json", "schema");
      check(`request of ${operationId}`, at, request.body ?? {});
    }
    called.add(operationId);
    return { response, schemaAt };
  };

  return {
    operations: [...operations.keys()],
    called,
    send,
    async call(operationId, request = {}) {
      const { response, schemaAt } = await answered(operationId, request);
      const text = await response.text();
      const json: unknown = text === "" ? undefined : JSON.parse(text);
      if (json !== undefined) check(`answer of ${operationId}`, schemaAt, json);
      return { status: response.status, headers: response.headers, json };
    },
    async lines(operationId, request = {}) {
      const { response, schemaAt } = await answered(operationId, request);
      const lines = (await response.text()).split("\n");
      expect(lines.pop()).toBe("");
      const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      for (const line of parsed) check(`a line of ${operationId}`, schemaAt, line);
      return parsed;
    },
  };
}
