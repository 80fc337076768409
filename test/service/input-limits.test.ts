/** What one client can make the service spend by what it sends: a process as an operator runs it, seen from outside. */
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import http2 from "node:http2";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { seededDirectory } from "../support/cluster-seed.ts";
import { scaled } from "../torture/scale.ts";
import { runProgram, type ServiceProcess } from "./process.ts";

const path = "/connector.v1.ConnectorService/Query";
const mebibyte = 1_048_576;
/** What no client may make the process grow by. */
const allowed = 32 * mebibyte;

let directory: string;
let service: ServiceProcess;
let url: string;
let authorization: string;

beforeAll(async () => {
  directory = await seededDirectory();
  service = runProgram("main.ts", { PORT: "0", CONNECTOR_DATA_DIR: directory, DRAIN_SECONDS: "1" });
  url = await service.url;
  const [token] = await service.said(/csk\.[\w.-]+/);
  authorization = `Bearer ${token}`;
  // What the first calls allocate is no attacker's doing.
  for (const body of [small, "no message"]) await Promise.all(Array.from({ length: 200 }, () => post(body)));
});

afterAll(async () => {
  service.child.kill("SIGKILL");
  await service.ended;
  await rm(directory, { recursive: true, force: true });
});

const small = JSON.stringify({ connectorId: "0199a5a0-0000-7000-8000-000000000001", query: { resource: "place" } });

async function post(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization, ...headers },
    body: body as string,
  });
  return ((await response.json()) as { code: string }).code;
}

function session(options?: http2.ClientSessionOptions): http2.ClientHttp2Session {
  const opened = http2.connect(url, options);
  opened.on("error", () => {}); // Whether it is cut off is what some tests look at.
  onTestFinished(() => opened.destroy());
  return opened;
}

function requestOf(opened: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream {
  const type = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  return opened.request({ ...type, authorization, ...headers }).on("error", () => {});
}

/** The status of a gRPC call that sends this compressed message. */
async function grpc(opened: http2.ClientHttp2Session, encoding: string, message: Uint8Array): Promise<string> {
  const head = Buffer.alloc(5, 1);
  head.writeUInt32BE(message.length, 1);
  const stream = requestOf(opened, { "grpc-encoding": encoding });
  const trailers = once(stream, "trailers");
  stream.resume().end(Buffer.concat([head, message]));
  const [{ "grpc-status": status }] = await trailers;
  return status;
}

/** Bytes that the process has in memory, or has had at most, as Linux tells it. */
async function memory(what: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${service.child.pid}/status`, "utf8");
  return Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1_024;
}

/** Bytes that it has more, at most, while something is done to it. */
async function growth(what: string, attack: () => Promise<void>): Promise<number> {
  const before = await memory("VmRSS");
  await attack();
  const grown = (await memory("VmHWM")) - before;
  console.log(`${what}: ${(grown / mebibyte).toFixed(1)} MiB more at most`);
  return grown;
}

describe.runIf(process.platform === "linux")("less than 32 MiB of memory is what it costs to send", () => {
  test("decompression bombs", async () => {
    const bomb = gzipSync(Buffer.alloc(scaled({ test: 64, torture: 2_000 }) * mebibyte), { level: 9 });
    expect(bomb.length).toBeLessThan(4 * mebibyte);
    const opened = session();
    const codes: string[] = [];
    const grown = await growth("4 bombs, one after the other", async () => {
      for (let i = 0; i < 2; i++) {
        codes.push(await post(bomb, { "content-encoding": "gzip" }), await grpc(opened, "gzip", bomb));
      }
    });
    expect(codes).toEqual(Array.from({ length: 2 }, () => ["resource_exhausted", "8"]).flat());
    expect(grown).toBeLessThan(allowed);
  });

  test("headers without an end", async () => {
    const codes: unknown[] = [];
    const grown = await growth("large headers", async () => {
      for (let i = 0; i < 20; i++) {
        const stream = requestOf(session(), { filler: "x".repeat(60_000) });
        const ended = once(stream, "close");
        stream.once("response", ({ ":status": status }) => codes.push(status));
        stream.resume().end();
        await ended;
      }
    });
    expect(codes.filter((code) => code !== 431)).toEqual([]);
    expect(grown).toBeLessThan(allowed);
  });
});

test("whoever takes requests back at once does not keep others from being answered", async () => {
  const opened = session();
  const answers: string[] = [];
  for (let i = 0; i < scaled({ test: 20, torture: 1_000 }) && !opened.closed && !opened.destroyed; i++) {
    for (let j = 0; j < 100; j++) requestOf(opened, {}).close(http2.constants.NGHTTP2_CANCEL);
    answers.push(await post(small));
  }
  expect(new Set(answers)).toEqual(new Set(["not_found"]));
});

test("an encoding that no client needs is not decoded", async () => {
  expect(await post(brotliCompressSync(small), { "content-encoding": "br" })).toBe("unimplemented");
});

test("a connection has no more than 256 calls at once", async () => {
  const opened = session();
  const [settings] = await once(opened, "remoteSettings");
  expect(settings).toMatchObject({ maxConcurrentStreams: 256, maxHeaderListSize: 16_384 });
});
