/**
 * An HTTP API over the tables of a PostgreSQL, as a product of somebody else may have it:
 * filters, order, fields, pages and changes by parameters, JSON in both directions. It shares
 * nothing with the service, so that the two can be held against each other.
 *
 *     GET    /tables/NAME?c0[gt]=7&order=c1 desc,c0 asc&fields=c0,c2&limit=100&cursor=…
 *     POST   /tables/NAME            creates a row
 *     GET, PUT, PATCH, DELETE /tables/NAME/KEY
 *
 * Columns are called by their places.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import pg from "pg";

export interface ApiColumn {
  readonly name: string;
  /** As PostgreSQL calls it. */
  readonly sqlType: string;
  /** How its values stand in JSON. */
  readonly form: "raw" | "text" | "bool" | "base64" | "instant" | "clock";
}

export interface ApiTable {
  readonly name: string;
  readonly columns: readonly ApiColumn[];
  readonly key: readonly string[];
}

export interface RestApi {
  readonly port: number;
  /** From now on it is served. */
  serve(table: ApiTable): void;
  /** 403 from now on. */
  forbid(name: string): void;
  /** The requests that are being answered: `GET /tables/cities`. */
  running(): readonly string[];
  /** Requests that have come. */
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
  }[];
  stop(): Promise<void>;
}

/** @param token what callers show as Bearer */
export async function restApi(databaseUrl: string, token: string): Promise<RestApi> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4, application_name: "the API" });
  pool.on("error", () => {});
  const tables = new Map<string, ApiTable>();
  const forbidden = new Set<string>();
  const open = new Set<string>();
  const requests: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, url, headers });
    const mark = `${method} ${decodeURIComponent(url.split("?", 1)[0] ?? "")} #${requests.length}`;
    open.add(mark);
    response.once("close", () => open.delete(mark));
    answer(request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else reply(response, statusOf(error));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${token}`) return reply(response, 401);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
    const [, root, name = "", key] = pathname.split("/").map(decodeURIComponent);
    const table = tables.get(name);
    if (root !== "tables" || table === undefined) return reply(response, 404);
    if (forbidden.has(name)) return reply(response, 403);
    const body = request.method === "GET" || request.method === "DELETE" ? {} : parsed(await text(request));
    const [status, json] = await work(pool, table, {
      method: request.method ?? "",
      key,
      body,
      parameters: searchParams,
    });
    reply(response, status, json);
  }

  return {
    port: (server.address() as AddressInfo).port,
    requests,
    serve: (table) => void tables.set(table.name, table),
    forbid: (name) => void forbidden.add(name),
    running: () => [...open],
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
      await pool.end();
    },
  };
}

function reply(response: ServerResponse, status: number, json = ""): void {
  response.writeHead(status, { "content-type": "application/json", server: "restapi/1.0" }).end(json);
}

/** By SQLSTATE: a duplicate, a value that is none, or a fault of the server's own. */
function statusOf(error: { code?: string }): number {
  if (error.code === "23505") return 409;
  return /^2[23]/.test(error.code ?? "") ? 422 : 500;
}

/** A body, whose numbers keep their digits: each is an object that JSON.stringify writes as it came. */
function parsed(json: string): Readonly<Record<string, unknown>> {
  const { parse, rawJSON } = JSON as unknown as {
    parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): never;
    rawJSON(text: string): unknown;
  };
  return parse(json, (_, value, { source = "" }) => (typeof value === "number" ? rawJSON(source) : value));
}

interface Asked {
  readonly method: string;
  readonly key: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  readonly parameters: URLSearchParams;
}

async function work(pool: pg.Pool, table: ApiTable, asked: Asked): Promise<readonly [status: number, json?: string]> {
  switch (asked.method) {
    case "GET":
      return asked.key === undefined ? [200, await list(pool, table, asked.parameters)] : one(pool, table, asked.key);
    case "POST":
      return [201, await insert(pool, table, asked.body, "")];
    case "PUT": {
      const names = Object.keys(asked.body).map(pg.escapeIdentifier);
      const set = names.map((name) => `${name} = EXCLUDED.${name}`).join(", ");
      const keys = table.key.map(pg.escapeIdentifier).join(", ");
      return [200, await insert(pool, table, asked.body, ` ON CONFLICT (${keys}) DO UPDATE SET ${set}`)];
    }
    case "PATCH":
      return patch(pool, table, asked);
    case "DELETE": {
      const { rowCount } = await pool.query(`DELETE FROM ${pg.escapeIdentifier(table.name)} WHERE ${keyIs(table, 1)}`, [
        asked.key,
      ]);
      return [rowCount === 0 ? 404 : 204];
    }
    default:
      return [405];
  }
}

/** Cells as text, whatever the driver would make of them; under other names, since an order is by what it finds. */
const texts = ({ columns }: ApiTable) =>
  columns.map(({ name }, i) => `${pg.escapeIdentifier(name)}::text AS c${i}`).join(", ");
const keyIs = ({ key, columns }: ApiTable, place: number) => {
  const [name = ""] = key;
  const type = columns.find((column) => column.name === name)?.sqlType;
  return `${pg.escapeIdentifier(name)} = $${place}::${type}`;
};

async function rowsOf(pool: pg.Pool, statement: string, values: readonly unknown[]): Promise<(string | null)[][]> {
  const { rows } = await pool.query({ text: statement, values: [...values], rowMode: "array" });
  return rows as (string | null)[][];
}

async function one(pool: pg.Pool, table: ApiTable, key: string): Promise<readonly [number, string?]> {
  const statement = `SELECT ${texts(table)} FROM ${pg.escapeIdentifier(table.name)} WHERE ${keyIs(table, 1)}`;
  const [row] = await rowsOf(pool, statement, [key]);
  return row === undefined ? [404] : [200, jsonOf(row, table.columns)];
}

async function insert(pool: pg.Pool, table: ApiTable, body: Asked["body"], tail: string): Promise<string> {
  const given = table.columns.filter(({ name }) => Object.hasOwn(body, name));
  const names = given.map(({ name }) => pg.escapeIdentifier(name)).join(", ");
  const places = given.map(({ sqlType }, i) => `$${i + 1}::text::${sqlType}`).join(", ");
  const statement = `INSERT INTO ${pg.escapeIdentifier(table.name)} (${names}) VALUES (${places})${tail} RETURNING ${texts(table)}`;
  const [row = []] = await rowsOf(
    pool,
    statement,
    given.map((column) => sqlText(body[column.name], column)),
  );
  return jsonOf(row, table.columns);
}

async function patch(pool: pg.Pool, table: ApiTable, { key, body }: Asked): Promise<readonly [number, string?]> {
  const given = table.columns.filter(({ name }) => Object.hasOwn(body, name));
  const set = given
    .map(({ name, sqlType }, i) => `${pg.escapeIdentifier(name)} = $${i + 2}::text::${sqlType}`)
    .join(", ");
  const statement = `UPDATE ${pg.escapeIdentifier(table.name)} SET ${set} WHERE ${keyIs(table, 1)} RETURNING ${texts(table)}`;
  const values = given.map((column) => sqlText(body[column.name], column));
  const [row] = await rowsOf(pool, statement, [key, ...values]);
  return row === undefined ? [404] : [200, jsonOf(row, table.columns)];
}

function sqlText(value: unknown, { form, sqlType }: ApiColumn): string | null {
  if (value === null || value === undefined) return null;
  if (form === "base64") return `\\x${Buffer.from(String(value), "base64").toString("hex")}`;
  return sqlType === "json" || typeof value !== "string" ? JSON.stringify(value) : value;
}

/** A row as a JSON object, each value as its column's form is. */
function jsonOf(row: readonly (string | null)[], columns: readonly ApiColumn[]): string {
  const members = columns.map(({ name, form }, i) => `${JSON.stringify(name)}:${jsonValue(row[i] ?? null, form)}`);
  return `{${members.join(",")}}`;
}

function jsonValue(cell: string | null, form: ApiColumn["form"]): string {
  if (cell === null) return "null";
  switch (form) {
    case "raw":
      return cell;
    case "bool":
      return cell === "t" || cell === "true" ? "true" : "false";
    case "base64":
      return JSON.stringify(Buffer.from(cell.slice(2), "hex").toString("base64"));
    case "instant":
      return JSON.stringify(cell.replace(" ", "T").replace(/\+00$/, "Z"));
    case "clock":
      return JSON.stringify(cell.replace(" ", "T"));
    default:
      return JSON.stringify(cell);
  }
}

const symbols: Readonly<Record<string, string>> = { eq: "=", ne: "<>", lt: "<", le: "<=", gt: ">", ge: ">=" };

interface Key {
  readonly column: ApiColumn;
  readonly descending: boolean;
}

async function list(pool: pg.Pool, table: ApiTable, parameters: URLSearchParams): Promise<string> {
  const { columns } = table;
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = [...parameters].flatMap(([name, value]) => conditionOf(name, value, columns, bind));
  const order = orderOf(parameters.get("order"), table);
  const cursor = parameters.get("cursor");
  if (cursor !== null) conditions.push(behind(order, JSON.parse(Buffer.from(cursor, "base64url").toString()), bind));
  const limit = Number(parameters.get("limit") ?? 1_000);
  const wanted = parameters.get("fields")?.split(",").map(placeOf) ?? columns.map((_, i) => i);
  const statement = [
    `SELECT ${texts(table)} FROM ${pg.escapeIdentifier(table.name)}`,
    conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "",
    // Without a key rows come as they lie there.
    `ORDER BY ${[...order.map(orderKey), ...(table.key.length === 0 ? ["ctid"] : [])].join(", ")}`,
    `LIMIT ${limit + 1} OFFSET ${Number(parameters.get("offset") ?? 0)}`,
  ].join(" ");
  const rows = await rowsOf(pool, statement, values);
  const shown = rows.slice(0, limit);
  const chosen = wanted.map((place) => columns[place] as ApiColumn);
  const data = shown.map((row) =>
    jsonOf(
      wanted.map((place) => row[place] ?? null),
      chosen,
    ),
  );
  const last = shown.at(-1);
  const next =
    rows.length > limit && last !== undefined && table.key.length > 0
      ? Buffer.from(JSON.stringify(order.map(({ column }) => last[columns.indexOf(column)]))).toString("base64url")
      : null;
  return `{"data":[${data.join(",")}],"paging":{"next":${JSON.stringify(next)},"more":${rows.length > limit}}}`;
}

const placeOf = (name: string) => Number(name.slice(1));

/** `c3[gt]=7` */
function conditionOf(
  name: string,
  value: string,
  columns: readonly ApiColumn[],
  bind: (value: unknown) => string,
): string[] {
  const [, place = "", operator = ""] = /^c(\d+)\[(\w+)\]$/.exec(name) ?? [];
  const column = columns[Number(place)];
  if (place === "" || column === undefined) return [];
  const sql = pg.escapeIdentifier(column.name);
  if (operator === "is_null") return [`${sql} IS ${value === "true" ? "" : "NOT "}NULL`];
  if (operator === "in") return [`${sql} = ANY(${bind(value.split(","))}::text[]::${column.sqlType}[])`];
  if (operator === "starts_with") return [`starts_with(${sql}, ${bind(value)})`];
  if (operator === "contains") return [`strpos(${sql}, ${bind(value)}) > 0`];
  return [`${sql} ${symbols[operator]} ${bind(value)}::text::${column.sqlType}`];
}

/** As it is asked for, and then by the key, in the direction of the last. */
function orderOf(given: string | null, { columns, key }: ApiTable): Key[] {
  const asked = (given ?? "")
    .split(",")
    .filter((part) => part !== "")
    .map((part): Key => {
      const [name = "", direction] = part.split(" ");
      return { column: columns[placeOf(name)] as ApiColumn, descending: direction === "desc" };
    });
  const descending = asked.at(-1)?.descending ?? false;
  const rest = key.flatMap((name) => columns.filter((column) => column.name === name));
  const missing = rest.filter((column) => !asked.some((one) => one.column === column));
  return [...asked, ...missing.map((column) => ({ column, descending }))];
}

const orderKey = ({ column, descending }: Key) =>
  `${pg.escapeIdentifier(column.name)}${descending ? " DESC" : ""} NULLS LAST`;

/** The rows behind one whose values of the order's keys are given; nulls come last. */
function behind(order: readonly Key[], values: readonly (string | null)[], bind: (value: unknown) => string): string {
  const places = order.map(({ column }, i) => `${bind(values[i] ?? null)}::text::${column.sqlType}`);
  const names = order.map(({ column }) => pg.escapeIdentifier(column.name));
  const alternatives = order.flatMap(({ descending }, i) => {
    if (values[i] === null) return [];
    const same = names.slice(0, i).map((name, j) => `${name} IS NOT DISTINCT FROM ${places[j]}`);
    return [[...same, `(${names[i]} ${descending ? "<" : ">"} ${places[i]} OR ${names[i]} IS NULL)`].join(" AND ")];
  });
  return alternatives.length === 0 ? "FALSE" : `(${alternatives.map((part) => `(${part})`).join(" OR ")})`;
}
