/** The operations of a document, each with all that is said of it in several places. */
import type { BodyEncoding } from "../declaration.ts";
import type { Referenced } from "./reference.ts";
import { type Shape, shapeOf } from "./schema.ts";
import { descriptionOf, own, ownList, ownText, ownTree, type Tree, treeOf, Unusable } from "./tree.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Operation {
  readonly method: Method;
  /** Below the connector's base URL, with parameters in braces. */
  readonly path: string;
  /** Its `operationId`. */
  readonly id: string | undefined;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body: OperationBody | undefined;
  /** What a successful answer is; undefined when it is of no format that rows are read from. */
  readonly answer: OperationAnswer | undefined;
  /** The operation itself, for vendors' extensions. */
  readonly tree: Tree;
}

export interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly shape: Shape;
  /** Of a list's items; says nothing for any other. */
  readonly items: Shape;
  /** As several parameters of one name, when it is a list; else with commas between. */
  readonly explode: boolean;
  readonly style: string | undefined;
}

export interface OperationBody {
  readonly encoding: BodyEncoding;
  readonly required: boolean;
  readonly schema: unknown;
}

export interface OperationAnswer {
  readonly kind: "json" | "json_api" | "ndjson";
  readonly schema: unknown;
  /** It has the header Link. */
  readonly links: boolean;
}

const methods: readonly Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/** GitHub has 1,100. */
const maxOperations = 5_000;
const maxParameters = 200;

/** Headers that are not the caller's to say. */
const ownHeaders = new Set(["accept", "authorization", "content-type", "cookie", "host", "user-agent"]);

/**
 * All operations, in the document's order.
 *
 * @param basePath The path of the connector's base URL, without a slash at its end.
 * @throws Unusable when it is no OpenAPI 3 document
 */
export function operationsOf(references: Referenced, basePath: string): Operation[] {
  const { root } = references;
  // YAML reads a version without quotes as a number.
  const version = String(own(root, "openapi") ?? "");
  if (version === "") {
    const other = own(root, "swagger") === undefined ? "It is no OpenAPI document." : "It is of Swagger 2.0.";
    throw new Unusable(`${other} OpenAPI 3.0 and 3.1 are read.`);
  }
  if (!/^3(?:\.|$)/.test(version))
    throw new Unusable("It is of a version of OpenAPI that is not read: 3.0 and 3.1 are.");
  const prefix = basePath === "" ? serverPath(root) : "";
  const keys = apiKeyNames(references);
  const operations: Operation[] = [];
  for (const [path, value] of Object.entries(ownTree(root, "paths") ?? {})) {
    const item = references.follow(value);
    if (item === undefined || !path.startsWith("/")) continue;
    for (const method of methods) {
      const tree = ownTree(item, method.toLowerCase());
      if (tree === undefined || operations.length >= maxOperations) continue;
      operations.push({
        ...{ method, path: prefix + path, id: ownText(tree, "operationId"), tree },
        description: descriptionOf(tree) || descriptionOf(item),
        parameters: parametersOf(references, path, [item, tree], keys),
        body: bodyOf(references, tree),
        answer: answerOf(references, tree),
      });
    }
  }
  return operations;
}

/** Where the first server's URL has a path and the connector's has none, it was left out there. */
function serverPath(root: Tree): string {
  const url = ownText(treeOf(ownList(root, "servers")[0]), "url") ?? "";
  const path = /^(?:[a-z]+:\/\/[^/]*)?(\/[^?#{}]*)?$/i.exec(url)?.[1] ?? "";
  return path.replace(/\/+$/, "");
}

/** Parameters that carry a credential, which is the connector's own. */
function apiKeyNames(references: Referenced): ReadonlySet<string> {
  const schemes = Object.values(ownTree(ownTree(references.root, "components"), "securitySchemes") ?? {});
  const names = schemes.map((scheme) => ownText(references.follow(scheme), "name")?.toLowerCase());
  return new Set(names.filter((name) => name !== undefined));
}

/**
 * The operation's own come before its path's of the same place and name. Those in the path are
 * what the path has in braces, whether or not they are described.
 */
function parametersOf(
  references: Referenced,
  path: string,
  [item, tree]: [Tree, Tree],
  keys: ReadonlySet<string>,
): Parameter[] {
  const parameters = new Map<string, Parameter>();
  const inPath = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map(([, name = ""]) => name));
  const undescribed = [...inPath].map((name) => ({ name, in: "path", schema: { type: "string" } }));
  const given = [...ownList(tree, "parameters"), ...ownList(item, "parameters")].slice(0, maxParameters);
  for (const value of [...given, ...undescribed]) {
    const parameter = parameterOf(references, references.follow(value));
    if (parameter === undefined || keys.has(parameter.name.toLowerCase())) continue;
    if (parameter.in === "header" && ownHeaders.has(parameter.name.toLowerCase())) continue;
    if (parameter.in === "path" && !inPath.has(parameter.name)) continue;
    const key = `${parameter.in} ${parameter.name}`;
    if (!parameters.has(key)) parameters.set(key, parameter);
  }
  return [...parameters.values()];
}

function parameterOf(references: Referenced, tree: Tree | undefined): Parameter | undefined {
  const name = ownText(tree, "name");
  const place = ownText(tree, "in");
  if (tree === undefined || name === undefined || name.length > 200) return undefined;
  if (place !== "path" && place !== "query" && place !== "header") return undefined;
  const shape = shapeOf(own(tree, "schema"), references);
  const style = ownText(tree, "style");
  return {
    ...{ in: place, name, style, shape, items: shapeOf(shape.items, references) },
    required: place === "path" || own(tree, "required") === true,
    description: descriptionOf(tree) || shape.description,
    explode: own(tree, "explode") !== false && (style === undefined || style === "form"),
  };
}

const encodings: readonly [string, BodyEncoding][] = [
  ["application/json", "json"],
  ["application/x-www-form-urlencoded", "form_brackets"],
  ["multipart/form-data", "multipart"],
];

function bodyOf(references: Referenced, tree: Tree): OperationBody | undefined {
  const body = references.follow(own(tree, "requestBody"));
  const content = ownTree(body, "content");
  if (content === undefined) return undefined;
  const required = own(body, "required") === true;
  for (const [type, encoding] of encodings) {
    const media = references.follow(own(content, type));
    if (media !== undefined) return { encoding, required, schema: own(media, "schema") };
  }
  const json = Object.keys(content).find(isJson);
  return json === undefined ? undefined : { encoding: "json", required, schema: own(ownTree(content, json), "schema") };
}

const isJson = (type: string) => /^application\/(?:[\w.-]+\+)?json\b/i.test(type);

/** The first of the statuses that an operation of this kind succeeds with. */
function answerOf(references: Referenced, tree: Tree): OperationAnswer | undefined {
  const answers = ownTree(tree, "responses");
  for (const status of ["200", "2XX", "201", "202", "default"]) {
    const answer = references.follow(own(answers, status));
    const content = ownTree(answer, "content");
    if (answer === undefined || content === undefined) continue;
    const links = Object.keys(ownTree(answer, "headers") ?? {}).some((name) => name.toLowerCase() === "link");
    for (const type of Object.keys(content)) {
      const kind = kindOf(type);
      if (kind !== undefined) return { kind, links, schema: own(references.follow(own(content, type)), "schema") };
    }
  }
  return undefined;
}

function kindOf(type: string): OperationAnswer["kind"] | undefined {
  if (/^application\/vnd\.api\+json\b/i.test(type)) return "json_api";
  if (/^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)\b/i.test(type)) return "ndjson";
  return isJson(type) || type === "*/*" ? "json" : undefined;
}
