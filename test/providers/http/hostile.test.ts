/** Sources that answer with what nobody means: each ends in a clear error, with little memory, and leaves nothing open. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Failure } from "../../../src/failure.ts";
import { rowReader } from "../../../src/providers/http/body/rows.ts";
import type { HttpAnswer } from "../../../src/providers/http/exchange.ts";
import { type Answering, callFor, get, nobody, ok, rawServer, stage, textOf } from "./stage.ts";

/** Reads all of an answer, and gives what it failed with once nothing of it is left. */
async function refusalOf(
  answer: Answering | string,
  { limits = {}, method = "GET" }: { readonly limits?: object; readonly method?: string } = {},
): Promise<Failure> {
  const server = await rawServer(answer);
  const { client, places } = stage(server.url, { limits });
  const reading = client.send(get(server.url, { method }), callFor()).then(sizeOf);
  const failure = await reading.then(
    (bytes) => expect.unreachable(`All ${bytes} bytes of it were read.`),
    (error: Failure) => error,
  );
  await expect.poll(() => places().open - places().lent).toBe(0);
  await client.close();
  await server.allClosed();
  expect(places().open).toBe(0);
  expect(failure.upstream).toBe("test");
  return failure;
}

/** Reads a body without keeping it. */
async function sizeOf({ body }: HttpAnswer): Promise<number> {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  return bytes;
}

const head = (...lines: readonly string[]) => `${["HTTP/1.1 200 OK", ...lines].join("\r\n")}\r\n\r\n`;

/** Writes for as long as somebody reads. */
function endless(chunk: string | Buffer, first = ""): Answering {
  return (socket: Socket) => {
    socket.write(first);
    const write = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", write);
    write();
  };
}

/** Megabytes that are kept in the heap and in buffers. */
function keptMb(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

test("a body without end takes no more memory the longer it is read", async () => {
  const server = await rawServer(endless(Buffer.alloc(65_536, 32), head("Content-Type: application/json")));
  const { client } = stage(server.url, { limits: { maxBytes: 200_000_000 } });
  const { body } = await client.send(get(server.url), callFor());
  const before = keptMb();
  const grown: number[] = [];
  const reading = async () => {
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > (grown.length + 1) * 20_000_000) grown.push(keptMb() - before);
    }
  };
  await expect(reading()).rejects.toMatchObject({
    ...{ kind: "too_large", final: true, message: expect.stringContaining("200000000 bytes") },
  });
  expect(grown.length).toBe(9);
  // What was collected is counted for some moments more.
  expect(Math.max(...grown)).toBeLessThan(100);
  await server.allClosed();
});

test("a body without end, in chunks of one byte", async () => {
  const body = endless("1\r\n \r\n".repeat(1_000), head("Transfer-Encoding: chunked"));
  expect(await refusalOf(body, { limits: { maxBytes: 100_000 } })).toMatchObject({ kind: "too_large" });
});

test("a body that says that it is larger than it may be, before it is read", async () => {
  const answer = head("Content-Length: 100000001");
  expect(await refusalOf(answer)).toMatchObject({ kind: "too_large" });
});

test.each([
  ["gzip", gzipSync(Buffer.alloc(30_000_000))],
  ["br", brotliCompressSync(Buffer.alloc(30_000_000))],
])("a bomb of %s", async (encoding, bomb) => {
  const answer = (socket: Socket) => {
    socket.write(head(`Content-Encoding: ${encoding}`, `Content-Length: ${bomb.length}`));
    socket.write(bomb);
  };
  expect(await refusalOf(answer)).toMatchObject({
    kind: "too_large",
    message: expect.stringContaining("compressed"),
  });
});

test("a bomb that grows slowly is stopped by its size", async () => {
  const bytes = Buffer.concat(
    Array.from({ length: 100 }, () => randomBytes(1_000).toString("hex").repeat(50)).map(Buffer.from),
  );
  const answer = (socket: Socket) => {
    const gzip = gzipSync(bytes);
    socket.write(head("Content-Encoding: gzip", `Content-Length: ${gzip.length}`));
    socket.write(gzip);
  };
  expect(await refusalOf(answer, { limits: { maxBytes: 5_000_000 } })).toMatchObject({
    kind: "too_large",
    message: expect.stringContaining("5000000 bytes"),
  });
});

test("what is compressed to nothing without end", async () => {
  // Empty stored blocks (RFC 1951, section 3.2.4), each of which is the middle of something.
  const nothing = Buffer.from("000000ffff".repeat(10_000), "hex");
  const begin = gzipSync("").subarray(0, 10);
  const body: Answering = (socket, text) => {
    socket.write(head("Content-Encoding: gzip"));
    socket.write(begin);
    endless(nothing)(socket, text);
  };
  expect(await refusalOf(body, { limits: { maxBytes: 1_000_000 } })).toMatchObject({ kind: "too_large" });
});

test.each([
  ["what is not compressed at all", "Content-Encoding: gzip", "this is no gzip, and long enough for a head"],
  ["a document that ends in the middle", "Content-Encoding: gzip", gzipSync("a".repeat(1_000)).subarray(0, 20)],
  ["an encoding that was not asked for", "Content-Encoding: zstd", "whatever"],
  ["an encoding within another", "Content-Encoding: gzip, gzip", gzipSync(gzipSync("a"))],
  ["an encoding by a name that every object has", "Content-Encoding: constructor", "whatever"],
  ["an encoding by the name of every object's prototype", "Content-Encoding: __proto__", "whatever"],
])("a wrong encoding: %s", async (_what, header, body) => {
  const answer: Answering = (socket) => {
    socket.write(head(header, `Content-Length: ${body.length}`));
    socket.end(body);
  };
  expect(await refusalOf(answer)).toMatchObject({ kind: "upstream_unavailable", final: true });
});

test.each([
  ["slow headers", head("X-A: b").slice(0, -4)],
  ["no answer at all", ""],
])("%s", async (_what, beginning) => {
  const answer: Answering = (socket) => {
    socket.write(beginning);
    const timer = setInterval(() => socket.write(beginning === "" ? "" : "\r\nX-More: 1"), 20);
    socket.once("close", () => clearInterval(timer));
  };
  expect(await refusalOf(answer, { limits: { headMs: 300 } })).toMatchObject({
    kind: "upstream_lost",
    message: expect.stringContaining("0.3 s"),
  });
});

test("a body that falls silent", async () => {
  expect(await refusalOf(`${head("Content-Length: 10")}12345`, { limits: { silentMs: 200 } })).toMatchObject({
    kind: "upstream_lost",
    message: expect.stringContaining("0.2 s"),
  });
});

test.each([
  ["many headers", endless("X-Header: value\r\n".repeat(100), "HTTP/1.1 200 OK\r\n"), "too_large"],
  ["one long header", endless("a".repeat(1_000), "HTTP/1.1 200 OK\r\nX-Header: "), "too_large"],
  ["a status line without end", endless("a".repeat(1_000), "HTTP/1.1 200 "), "too_large"],
  ["answers before the answer", endless("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10)), "upstream_unavailable"],
  ["leave to continue, again and again", endless("HTTP/1.1 100 Continue\r\n\r\n".repeat(10)), "upstream_unavailable"],
])("a flood: %s", async (_what, answer, kind) => {
  expect(await refusalOf(answer)).toMatchObject({ kind, final: true });
});

test.each([
  ["no HTTP", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a status line that is none", "HTTP/1.1 abc OK\r\n\r\n"],
  ["HTTP/9", "HTTP/9.9 200 OK\r\n\r\n"],
  ["two lengths", head("Content-Length: 5", "Content-Length: 6")],
  ["a length and chunks", head("Content-Length: 5", "Transfer-Encoding: chunked")],
  ["a length that is none", head("Content-Length: -5")],
  ["a size of a chunk that is none", `${head("Transfer-Encoding: chunked")}zz\r\nabc`],
  ["a header that goes on in the next line", head("X-A: b", " c")],
  ["a NUL in a header", head("X-A: b\0c")],
])("%s", async (_what, answer) => {
  expect(await refusalOf(answer)).toMatchObject({ kind: "upstream_unavailable", final: true });
});

test.each([
  ["as long as it said", `${head("Content-Length: 100")}12345`],
  ["with its last chunk", `${head("Transfer-Encoding: chunked")}5\r\n12345\r\n`],
  ["with its head", "HTTP/1.1 200 OK\r\nContent-"],
  ["at all", ""],
])("an answer that does not come to its end %s", async (_what, text) => {
  expect(await refusalOf((socket) => void socket.end(text))).toMatchObject({ kind: "upstream_lost", final: false });
});

test("a connection that is reset amid the answer", async () => {
  const answer: Answering = (socket) => {
    socket.write(`${head("Content-Length: 100")}12345`, () => socket.resetAndDestroy());
  };
  expect(await refusalOf(answer)).toMatchObject({ kind: "upstream_lost" });
});

test("a protocol that nobody asked for", async () => {
  const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  expect(await refusalOf(answer)).toMatchObject({ kind: "upstream_lost" });
});

test("what is older, and what is unusual, is read all the same", async () => {
  const server = await rawServer(
    (socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nold"),
    `HTTP/1.1 100 Continue\r\n\r\n${ok("continued")}`,
    `${head("Transfer-Encoding: chunked", "Trailer: X-Sum")}3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`,
    "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n",
  );
  const { client } = stage(server.url);
  const read = async () => textOf(await client.send(get(server.url), callFor()));
  expect(await read()).toBe("old");
  expect(await read()).toBe("continued");
  expect(await read()).toBe("abc");
  expect(await read()).toBe("");
});

test("a body behind the answer to HEAD belongs to no answer", async () => {
  const server = await rawServer(`${ok("0123456789")}`, ok("second"));
  const { client } = stage(server.url);
  const first = await client.send(get(server.url, { method: "HEAD" }), callFor());
  expect(await textOf(first)).toBe("");
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("second");
  expect(server.connections).toBe(2);
});

test.each([
  ["at once", `${ok("first")}${ok("smuggled")}`],
  ["later", ok("first")],
])("an answer that nobody asked for, sent %s, is nobody's answer", async (when, text) => {
  let sent = () => {};
  const server = await rawServer((socket) => {
    socket.write(text);
    sent = () => void socket.write(ok("smuggled"));
  }, ok("second"));
  const { client, places } = stage(server.url);
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("first");
  if (when === "later") {
    await expect.poll(() => places().lent).toBe(1);
    sent();
  }
  await server.allClosed();
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("second");
});

const rowsAtData = rowReader({
  resource: "items",
  format: { kind: "json", rows: "/data" },
  fields: [{ name: "id", type: "int64", path: "/id", nullable: false, nativeType: "integer" }],
  maxRowBytes: 100_000,
});

test.each([
  ["a page for people", "<!doctype html><html><body>Sign in</body></html>", "upstream_unavailable"],
  ["arrays in arrays, 100,000 deep", `{"data":[{"id":1,"a":${"[".repeat(100_000)}`, "upstream_unavailable"],
  ["JSON that ends in the middle", '{"data":[{"id":1},{"id":', "upstream_lost"],
  ["JSON with more behind it", '{"data":[{"id":1}]}{"data":[]}', "upstream_unavailable"],
  ["a text without end", `{"data":[{"id":1,"name":"${"x".repeat(200_000)}`, "too_large"],
])("instead of rows: %s", async (_what, text, kind) => {
  const server = await rawServer(ok(text, ["Content-Type: application/json"]));
  const { client, places } = stage(server.url);
  const { body } = await client.send(get(server.url), callFor());
  const reading = async () => {
    for await (const batch of rowsAtData(body).batches) batch.release();
  };
  await expect(reading()).rejects.toMatchObject({ kind });
  // Whatever came of it, nobody holds the connection.
  await expect.poll(() => places().open - places().lent).toBe(0);
});

test("the environment names no proxy", async () => {
  const proxy = await rawServer(ok("proxied"));
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) vi.stubEnv(name, proxy.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await rawServer(ok("direct"));
  const { client } = stage(server.url, { authentication: nobody });
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("direct");
  expect(proxy.connections).toBe(0);
});
