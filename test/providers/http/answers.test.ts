import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Failure } from "../../../src/failure.ts";
import { callFor, get, ok, rawServer, stage, textOf } from "./stage.ts";

describe("what an answer means", () => {
  test.each([
    ["400 Bad Request", "statement_rejected"],
    ["401 Unauthorized", "credential_rejected"],
    ["403 Forbidden", "upstream_permission_denied"],
    ["404 Not Found", "unknown_resource"],
    ["409 Conflict", "conflict"],
    ["410 Gone", "unknown_resource"],
    ["412 Precondition Failed", "conflict"],
    ["418 I'm a teapot", "statement_rejected"],
    ["422 Unprocessable Content", "statement_rejected"],
    ["429 Too Many Requests", "upstream_rate_limited"],
    ["500 Internal Server Error", "upstream_unavailable"],
    ["501 Not Implemented", "upstream_unavailable"],
    ["503 Service Unavailable", "upstream_unavailable"],
    ["300 Multiple Choices", "configuration_rejected"],
    ["999 Request denied", "upstream_unavailable"],
  ])("%s", async (status, kind) => {
    const server = await rawServer(
      ok('{"message":"secret of the source"}', ["X-Request-Id: req-1.2", "X-Secret: secret of the source"], status),
      ok("next"),
    );
    const { client, places } = stage(server.url);
    const failure = await client.send(get(`${server.url}path-of-a-row`), callFor()).catch((error: Failure) => error);
    expect(failure).toMatchObject({
      kind,
      upstream: "test",
      status: status.slice(0, 3),
      metadata: { request_id: "req-1.2" },
    });
    expect(JSON.stringify(failure) + String(failure)).not.toMatch(/secret|path-of-a-row/);
    // The refusal is read to the end, so that its connection is good.
    await expect.poll(() => places().lent).toBe(1);
    await textOf(await client.send(get(server.url), callFor()));
    expect(server.connections).toBe(1);
  });

  test("a refusal without end is not read", async () => {
    const server = await rawServer(`HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n${"x".repeat(70_000)}`);
    const { client, places } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "upstream_unavailable" });
    await server.allClosed();
    expect(places()).toMatchObject({ open: 0 });
  });

  test.each([
    ["429 Too Many Requests", ["Retry-After: 7"], 7_000, {}],
    ["503 Service Unavailable", ["Retry-After: 2"], 2_000, {}],
    ["403 Forbidden", ["Retry-After: 60"], 60_000, {}],
    [
      "403 Forbidden",
      ["X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 30", "X-RateLimit-Resource: search"],
      expect.closeTo(30_000, -4),
      { quota: "search", quota_limit: "60", quota_remaining: "0", quota_reset_time: expect.stringMatching(/Z$/) },
    ],
    ["429 Too Many Requests", [], undefined, {}],
  ])("%s with %j asks for patience", async (status, headers, retryAfterMs, metadata) => {
    const server = await rawServer(ok("", headers, status));
    const { client } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({
      ...{ kind: "upstream_rate_limited", retryAfterMs, metadata },
    });
  });

  test("what is left of a quota is told, whatever the answer", async () => {
    const quota = ["X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59"];
    const server = await rawServer(ok("fine", quota), ok("", quota, "404 Not Found"));
    const { client } = stage(server.url);
    const call = callFor();
    await textOf(await client.send(get(server.url), call));
    await client.send(get(server.url), call).catch(() => {});
    const told = { name: "default", limit: 60, remaining: 59, resetTime: undefined };
    expect(call.quotas).toEqual([told, told]);
  });

  test("an id that is no id is not passed on", async () => {
    const server = await rawServer(ok("", ["X-Request-Id: <script>", "CF-Ray: 8a1-FRA"], "500 Oh"));
    const { client } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({
      metadata: { request_id: "8a1-FRA" },
    });
  });
});

test.each([
  ["gzip", gzipSync("größer ".repeat(10_000))],
  ["br", brotliCompressSync("größer ".repeat(10_000))],
  ["deflate", deflateSync("größer ".repeat(10_000))],
])("what is compressed with %s is read as what it was", async (encoding, body) => {
  const server = await rawServer((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 7) socket.write(body.subarray(at, at + 7));
  });
  const { client } = stage(server.url);
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("größer ".repeat(10_000));
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("größer ".repeat(10_000));
  expect(server.connections).toBe(1);
});
