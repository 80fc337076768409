/** The reference of REST: its document is OpenAPI, whole, and shown without anything of other hosts. */
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { Validator } from "@seriousme/openapi-schema-validator";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ReasonSchema } from "../../../src/gen/connector/v1/error_pb.js";
import { ConnectorService } from "../../../src/gen/connector/v1/service_pb.js";
import { listen, type Server } from "../../../src/server/port.ts";
import { createReference } from "../../../src/server/rest/reference.ts";
import { chromiumFile } from "../../client/browser.ts";

let server: Server;

beforeAll(async () => {
  server = await listen({ host: "127.0.0.1", port: 0, routes: (router) => router.service(ConnectorService, {}) });
});

afterAll(() => server.drain(0));

interface OpenApi {
  readonly paths: Record<string, Record<string, { operationId: string; description: string }>>;
  readonly components: { readonly schemas: Record<string, { description?: string }> };
}

const read = async () => (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApi;

test("the document is OpenAPI 3.1, and every reference in it leads somewhere", async () => {
  const document = await read();
  expect(await new Validator().validate({ ...document })).toMatchObject({ valid: true });
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
  const missing = [...references].filter(([, at = ""]) => {
    return (
      at.split("/").reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], document) === undefined
    );
  });
  expect(missing).toEqual([]);
});

test("every RPC has a path, and all that is in the document says what it is", async () => {
  const { paths, components } = await read();
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(ConnectorService.methods.map(({ localName }) => localName)));
  for (const { operationId, description } of operations) expect(description, operationId).toMatch(/\w{3}.*\./s);
  for (const [name, { description }] of Object.entries(components.schemas)) expect(description, name).toMatch(/\w{3}/);
});

test("the pages have all that they name, and may load nothing else", async () => {
  for (const path of ["/docs", "/docs/errors"]) {
    const response = await fetch(`${server.url}${path}`);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'");
    const page = await response.text();
    expect(page).not.toMatch(/https?:/);
    expect(page).not.toMatch(/<script>|<style|style=|onload/);
    const parts = [...page.matchAll(/(?:src|href)="([^":]+)"/g)].map(([, part = ""]) => new URL(part, response.url));
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) expect((await fetch(part)).status, part.href).toBe(200);
  }
});

test("every reason stands where the type of a problem leads to", async () => {
  const problem = (await (await fetch(`${server.url}/api/nothing`)).json()) as { type: string };
  expect(problem.type).toBe("/docs/errors#NOT_FOUND");
  const page = await (await fetch(`${server.url}${problem.type}`)).text();
  const missing = ReasonSchema.values
    .slice(1)
    .filter(({ name }) => !page.includes(`id="${name.replace("REASON_", "")}"`));
  expect(missing).toEqual([]);
});

test.runIf(chromiumFile !== undefined)(
  "a browser shows every operation, asking nobody else and refusing nothing",
  async () => {
    const browser = await chromium.launch({ executablePath: chromiumFile as string, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      const asked: string[] = [];
      const complaints: string[] = [];
      page.on("request", (request) => asked.push(new URL(request.url()).origin));
      page
        .on("console", (message) => complaints.push(message.text()))
        .on("pageerror", ({ message }) => complaints.push(message));
      await page.goto(`${server.url}/docs`);
      const operations = Object.values((await read()).paths).flatMap((item) => Object.keys(item));
      const shown = page.locator(".opblock");
      await shown.nth(operations.length - 1).waitFor({ timeout: 60_000 });
      expect(await shown.count()).toBe(operations.length);
      expect(complaints).toEqual([]);
      expect(new Set(asked)).toEqual(new Set([server.url]));
    } finally {
      await browser.close();
    }
  },
);

test("what a client has already is not sent again", async () => {
  const { headers } = await fetch(`${server.url}/docs/swagger-ui.css`);
  expect(headers.get("cache-control")).toContain("max-age=");
  const again = await fetch(`${server.url}/docs/swagger-ui.css`, {
    headers: { "if-none-match": headers.get("etag") ?? "" },
    cache: "no-store",
  });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  expect((await fetch(`${server.url}/docs`, { method: "POST" })).status).toBe(405);
});

test("what could not be read once is read again for the next who asks", async () => {
  const page = { type: "text/html", bytes: Buffer.from("here"), etag: '"1"', cache: "no-cache" } as const;
  const tries = [() => Promise.reject(new Error("EMFILE")), async () => page, () => Promise.reject(new Error("late"))];
  const reference = createReference({ "/docs": () => tries.shift()!() });
  const ask = async () => reference("GET", "/docs")?.answer({ header: new Headers() } as UniversalServerRequest);
  await expect(ask()).rejects.toThrow("EMFILE");
  expect(await ask()).toMatchObject({ status: 200 });
  expect(await ask()).toMatchObject({ status: 200 });
});

test.each(["/docs", "/docs/errors", "/docs/start.js", "/openapi.json"])(
  "%s, which a new version changes, is asked for each time",
  async (path) => {
    const { headers } = await fetch(`${server.url}${path}`);
    expect([headers.get("cache-control"), headers.has("etag")]).toEqual(["no-cache", true]);
  },
);

test.each([
  ["W/TAG", 304],
  ['"other" ,\t"more", TAG', 304],
  ["*", 304],
  ['"other"', 200],
])("a client that says it has %s gets %i", async (known, status) => {
  const tag = (await fetch(`${server.url}/docs`)).headers.get("etag") ?? "";
  const headers = { "if-none-match": known.replace("TAG", tag) };
  expect((await fetch(`${server.url}/docs`, { headers, cache: "no-store" })).status).toBe(status);
});

test("a long header of what a client has holds nobody up", async () => {
  await fetch(`${server.url}/docs`);
  const headers = { "if-none-match": `"a"${" ".repeat(15_000)}"b"` };
  const took = [];
  for (let times = 0; times < 5; times++) {
    const start = performance.now();
    expect((await fetch(`${server.url}/docs`, { headers, cache: "no-store" })).status).toBe(200);
    took.push(performance.now() - start);
  }
  // The best of them: the machine may be busy with other things.
  expect(Math.min(...took)).toBeLessThan(100);
});
