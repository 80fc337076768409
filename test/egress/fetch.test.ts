/** Fetching from servers that behave, and from those that don't. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createFetch, type FetchInit } from "../../src/egress/fetch.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import type { Failure } from "../../src/failure.ts";
import { certificateAuthority } from "../support/certificate.ts";

const authority = certificateAuthority();
const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));
const fetch = createFetch(dial, { ca: authority.cert });

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface Serving {
  readonly url: string;
  readonly asked: IncomingMessage[];
}

async function serve(answer: RequestListener, { tls = false } = {}): Promise<Serving> {
  const asked: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request);
    answer(request, response);
  };
  const server = tls ? createTlsServer(authority.issue(), listener) : createServer(listener);
  return { url: `http${tls ? "s" : ""}://localhost:${await portOf(server)}`, asked };
}

/** A server that says these bytes to whoever comes. */
async function saying(bytes: string): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {}).once("data", () => socket.end(bytes));
  });
  return `http://127.0.0.1:${await portOf(server)}`;
}

const secrets = ["s3cret-query", "s3cret-header", "s3cret-body", "s3cret-path"];

/** What the fetch fails with; nothing of what was asked or answered is in it. */
async function failureOf(url: string, init: FetchInit = {}, fetching = fetch): Promise<Failure> {
  const secret = { method: "POST", headers: { authorization: "s3cret-header" }, body: "s3cret-body", ...init };
  const failure = await fetching(`${url}/s3cret-path?token=s3cret-query`, secret).then(
    (response) => expect.fail(`answered ${response.status}`),
    (error: unknown) => error as Failure,
  );
  const shown = inspect(failure, { depth: 20, showHidden: true }) + JSON.stringify(failure);
  expect(secrets.filter((each) => shown.includes(each))).toEqual([]);
  return failure;
}

describe("what is asked and answered", () => {
  test.each([false, true])("goes both ways (TLS: %s)", async (tls) => {
    const { url, asked } = await serve(
      async (request, response) => {
        response.writeHead(201, { "x-more": ["a", "b"], "content-type": "application/json" });
        response.end(JSON.stringify({ body: (await request.toArray()).join("") }));
      },
      { tls },
    );
    const response = await fetch(`${url}/v1/keys?x=1`, {
      ...{ method: "post", body: new TextEncoder().encode("grüezi") },
      headers: { "X-Vault-Token": "t" },
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-more")).toBe("a, b");
    expect(await response.json()).toEqual({ body: "grüezi" });
    const [{ method, url: path, headers }] = asked as [IncomingMessage];
    expect([method, path, headers.host, headers["x-vault-token"]]).toEqual([
      "POST",
      "/v1/keys?x=1",
      new URL(url).host,
      "t",
    ]);
  });

  test.each([204, 205, 304, 404, 500])("is an answer whatever its status: %i", async (status) => {
    const { url } = await serve((_request, response) => void response.writeHead(status).end());
    expect((await fetch(url)).status).toBe(status);
  });

  test("is decompressed from gzip, and nothing else is asked for", async () => {
    const { url } = await serve((request, response) => {
      const encoding = `${request.headers["accept-encoding"]}`;
      response.writeHead(200, { "content-encoding": encoding }).end(gzipSync("hello"));
    });
    const response = await fetch(url);
    expect(await response.text()).toBe("hello");
    expect(response.headers.has("content-encoding")).toBe(false);
  });

  test("takes no proxy from the environment", async () => {
    const proxy = await serve((_request, response) => void response.end("proxy"));
    for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) vi.stubEnv(name, proxy.url);
    vi.stubEnv("NODE_USE_ENV_PROXY", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { url } = await serve((_request, response) => void response.end("itself"));
    expect(await (await fetch(url)).text()).toBe("itself");
    expect(proxy.asked).toEqual([]);
  });
});

describe("what is refused before anything is sent", () => {
  test.each([
    ...[
      "ftp://localhost/",
      "file:///etc/passwd",
      "unix:/var/run/docker.sock",
      "localhost",
      "",
      "data:,x",
      "javascript:1",
    ],
    ...["http://user@localhost/", "https://user:s3cret@localhost/", "http://:s3cret@localhost/"],
  ])("%j is no URL to fetch", async (url) => {
    const failure = (await fetch(url).catch((error: unknown) => error)) as Failure;
    expect(failure).toMatchObject({ kind: "invalid_request", where: "egress" });
    expect(inspect(failure)).not.toContain("s3cret");
  });

  test("an address that may not be dialled", async () => {
    const strict = createFetch(createDial(createEgressPolicy({ allow: [] })));
    for (const host of ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "①②⑦.0.0.1"]) {
      expect(await failureOf(`http://${host}:1`, {}, strict)).toMatchObject({ kind: "egress_denied" });
    }
  });
});

describe("an answer that is too much or too little", () => {
  const big = (response: ServerResponse) => response.end("x".repeat(2_000));

  test("has a limit of its body, however it is sent", async () => {
    const answers: Record<string, (response: ServerResponse) => void> = {
      declared: big,
      chunked: (response) => {
        response.write("x".repeat(1_500));
        big(response);
      },
      bomb: (response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(2e7))),
    };
    for (const answer of Object.values(answers)) {
      const { url } = await serve((_request, response) => answer(response));
      expect(await failureOf(url, { maxBytes: 1_000 })).toMatchObject({ kind: "too_large", where: "upstream" });
    }
    const { url } = await serve((_request, response) => big(response));
    expect((await (await fetch(url, { maxBytes: 2_000 })).text()).length).toBe(2_000);
    expect((await fetch(url, { method: "HEAD", maxBytes: 10 })).status).toBe(200);
  });

  test("has a limit of its headers", async () => {
    const url = await saying(`HTTP/1.1 200 OK\r\n${"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(1_000)}\r\n`);
    expect(await failureOf(url)).toMatchObject({ kind: "too_large" });
  });

  test.each([
    ["no HTTP", "s3cret-body is not HTTP\r\n\r\n", "upstream_unavailable"],
    [
      "HTTP that is ambiguous",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "upstream_unavailable",
    ],
    ["a body that ends too soon", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ns3cret-body", "upstream_lost"],
    ["nothing", "", "upstream_lost"],
    ...["br", "deflate", "zip"].map((encoding) => [
      `in ${encoding}, which was not asked for,`,
      `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: 1\r\n\r\nx`,
      "upstream_unavailable",
    ]),
    [
      "what is not compressed",
      "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx",
      "upstream_unavailable",
    ],
    ["a status that there is not", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", "upstream_unavailable"],
  ])("that is %s fails and shows nothing", async (_what, bytes, kind) => {
    expect(await failureOf(await saying(bytes))).toMatchObject({ kind, where: "upstream" });
  });

  test("has as much time as the signal gives", async () => {
    const silent = createTcpServer(() => {});
    const url = `http://127.0.0.1:${await portOf(silent)}`;
    const controller = new AbortController();
    const fetching = fetch(url, { signal: controller.signal });
    await once(silent, "connection");
    const reason = new Error("given up");
    controller.abort(reason);
    await expect(fetching).rejects.toBe(reason);
  });
});

describe("a server that can't be had", () => {
  test("or be believed is told from one that answers", async () => {
    const { url } = await serve((_request, response) => void response.end(), { tls: true });
    const untrusting = createFetch(dial);
    expect(await failureOf(url, {}, untrusting)).toMatchObject({ kind: "tls_failed" });
    expect(await failureOf(url, { ca: certificateAuthority("other").cert })).toMatchObject({ kind: "tls_failed" });
    expect((await untrusting(url, { ca: authority.cert })).status).toBe(200);
    expect(await failureOf("http://127.0.0.1:1")).toMatchObject({ kind: "upstream_unreachable" });
  });
});

describe("a redirect", () => {
  const secretHeaders = { authorization: "s", cookie: "s", "x-vault-token": "s", "x-api-key": "s", accept: "s" };

  async function redirecting(location: string | (() => string), { status = 302, tls = false } = {}): Promise<Serving> {
    return serve(
      (_request, response) => {
        response.writeHead(status, { location: typeof location === "string" ? location : location() }).end();
      },
      { tls },
    );
  }

  test("is the answer unless it is to be followed, and followed so many times", async () => {
    const round: Serving = await redirecting(() => `${round.url}/again`);
    const response = await fetch(round.url);
    expect([response.status, response.headers.get("location")]).toEqual([302, `${round.url}/again`]);
    expect(await failureOf(round.url, { maxRedirects: 3, method: "GET" })).toMatchObject({ kind: "egress_denied" });
    expect(round.asked).toHaveLength(1 + 4);
  });

  test("within an origin keeps the headers, and the request where it is to be repeated", async () => {
    const { url, asked } = await serve((request, response) => {
      if (request.url === "/from") response.writeHead(307, { location: "/to" }).end();
      else response.end("there");
    });
    const init = { method: "POST", body: "b", headers: secretHeaders, maxRedirects: 1 };
    expect(await (await fetch(`${url}/from`, init)).text()).toBe("there");
    expect(asked[1]).toMatchObject({ method: "POST", url: "/to", headers: secretHeaders });
  });

  test.each([301, 302, 303])("after which the request is not repeated (%i) sends no body", async (status) => {
    const { url, asked } = await serve((request, response) => {
      if (request.url === "/from") response.writeHead(status, { location: "/to" }).end();
      else response.end();
    });
    const headers = { "content-type": "text/plain", accept: "a" };
    await fetch(`${url}/from`, { method: "POST", body: "b", headers, maxRedirects: 1 });
    expect(asked[1]?.method).toBe("GET");
    expect(asked[1]?.headers).not.toHaveProperty("content-type");
    expect(asked[1]?.headers).not.toHaveProperty("content-length");
    expect(asked[1]?.headers).toHaveProperty("accept", "a");
  });

  test("to another origin takes none of the caller's headers, and no body", async () => {
    const there = await serve((_request, response) => void response.end("there"));
    const from = await redirecting(`${there.url}/to`, { status: 307 });
    expect(await (await fetch(from.url, { headers: secretHeaders, maxRedirects: 1 })).text()).toBe("there");
    expect(Object.keys(there.asked[0]?.headers ?? {}).sort()).toEqual(["accept-encoding", "connection", "host"]);
    expect(await failureOf(from.url, { maxRedirects: 1 })).toMatchObject({ kind: "egress_denied" });
    expect(there.asked).toHaveLength(1);
  });

  test("to another origin is not shown the certificate that the first one asked for", async () => {
    const shown: (string | undefined)[] = [];
    const asking = async (location?: () => string) => {
      const options = { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: false };
      const server = createTlsServer(options, ({ socket }, response) => {
        shown.push((socket as TLSSocket).getPeerX509Certificate()?.subjectAltName);
        response.writeHead(location === undefined ? 200 : 307, location && { location: location() }).end();
      });
      return `https://localhost:${await portOf(server)}`;
    };
    const there = await asking();
    const from = await asking(() => there);
    const certificate = authority.issue({ names: ["me.test"] });
    expect((await fetch(from, { certificate, maxRedirects: 1 })).status).toBe(200);
    expect(shown).toEqual(["DNS:me.test", undefined]);
  });

  test("leads nowhere that the first request could not have gone, and not away from TLS", async () => {
    const plain = await serve((_request, response) => void response.end());
    const downgrade = await redirecting(plain.url, { tls: true });
    expect(await failureOf(downgrade.url, { maxRedirects: 5, method: "GET" })).toMatchObject({ kind: "egress_denied" });
    const locations = ["http://[::1]:1/", "http://169.254.169.254/latest", "http://0x0a.1/", "file:///etc/passwd"];
    for (const location of [...locations, "http://user:pw@localhost/", "gopher://x"]) {
      const { url } = await redirecting(location);
      const failure = await failureOf(url, { maxRedirects: 5, method: "GET", body: "" });
      expect(failure).toMatchObject({ kind: "egress_denied", where: "egress" });
      expect(failure.message).not.toContain("body");
    }
    expect(plain.asked).toEqual([]);
  });
});
