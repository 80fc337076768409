/** What the image's health check says of replicas, with TLS and without. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { runProgram } from "../service/process.ts";
import { certificateAuthority } from "../support/certificate.ts";
import { testService } from "../support/service.ts";

const directory = mkdtempSync(path.join(tmpdir(), "connector-service-"));
afterAll(() => rmSync(directory, { recursive: true }));

function written(name: string, content: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, content);
  return file;
}

async function healthy(url: string, settings: Readonly<Record<string, string>> = {}, args: readonly string[] = []) {
  const { status, stdout } = await runProgram("cli/healthy.ts", { PORT: new URL(url).port, ...settings }, args).ended;
  return { status, said: stdout.trim() };
}

test("a replica is ready and alive, without TLS", async () => {
  const service = await testService();
  await using _ = { [Symbol.asyncDispose]: () => service.stop() };
  expect(await healthy(service.url)).toEqual({ status: 0, said: "SERVING" });
  expect(await healthy(service.url, {}, ["liveness"])).toEqual({ status: 0, said: "SERVING" });
});

test("a replica is ready and alive with TLS, whatever name its certificate is for", async () => {
  const { cert, key } = certificateAuthority("own").issue({ names: ["connectors.example.com"] });
  const tls = { TLS_CERT: written("server.pem", cert), TLS_KEY: written("server.key", key) };
  const service = await testService(tls);
  await using _ = { [Symbol.asyncDispose]: () => service.stop() };
  expect(await healthy(service.url, tls)).toEqual({ status: 0, said: "SERVING" });
  expect(await healthy(service.url, tls, ["liveness"])).toEqual({ status: 0, said: "SERVING" });
  expect(await healthy(service.url)).toMatchObject({ status: 1 });
});

test("a replica that says that it can't do its work, or that is not there, is not healthy", async () => {
  const server = createServer((_, response) => response.end('{"status":"NOT_SERVING"}')).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await healthy(url)).toEqual({ status: 1, said: "NOT_SERVING" });
  await new Promise((resolve) => server.close(resolve));
  expect(await healthy(url)).toEqual({ status: 1, said: expect.stringContaining("ECONNREFUSED") });
});

test("what it can't be asked for is refused", async () => {
  expect(await healthy("http://127.0.0.1:1", {}, ["readiness"])).toMatchObject({ status: 2 });
});
