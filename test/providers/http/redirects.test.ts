import { describe, expect, test } from "vitest";
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import type { Failure } from "../../../src/failure.ts";
import { apiKey, apiKeyConfig } from "../../../src/providers/http/auth/plain.ts";
import { bearer, callFor, get, ok, post, rawServer, stage, textOf } from "./stage.ts";

describe("a redirect", () => {
  const to = (location: string, status = "301 Moved Permanently") => ok("", [`Location: ${location}`], status);

  test.each([
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
  ])("of a GET is followed: %s", async (status) => {
    const server = await rawServer(to("next?b=2#part", status), ok("there"));
    const { client } = stage(server.url, { authentication: bearer });
    expect(await textOf(await client.send(get(`${server.url}a/b?a=1`), callFor()))).toBe("there");
    expect(server.heads[1]).toMatch(/^GET \/a\/next\?b=2 HTTP/);
    expect(server.heads[1]).toContain("canary-token");
  });

  test("to another origin shows nothing of who asks, and leaves no connection", async () => {
    const stranger = await rawServer(ok("theirs", ["X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0"]));
    const server = await rawServer(to(stranger.url));
    const { client, places } = stage(server.url, {
      authentication: bearer,
      headers: { "x-api-version": "configured" },
    });
    const request = get(server.url, { headers: { accept: "application/json", cookie: "session=canary-token" } });
    const call = callFor();
    expect(await textOf(await client.send(request, call))).toBe("theirs");
    expect(server.heads[0]).toContain("authorization: Bearer canary-token");
    expect(stranger.heads[0]).toContain("accept: application/json");
    expect(stranger.heads[0]).not.toMatch(/canary-token|authorization|cookie|configured/i);
    expect(call.quotas).toEqual([]);
    await stranger.allClosed();
    expect(places()).toMatchObject({ open: 1, lent: 1 });
  });

  test.each([
    ["another origin", true],
    ["its own", false],
  ])("that repeats what the query shows of who asks goes to %s without it", async (_where, isAway) => {
    const stranger = await rawServer(ok("there"));
    const server = await rawServer((socket, head) => {
      const path = head.split(" ")[1] ?? "";
      if (path.startsWith("/moved")) return void socket.write(ok("there"));
      const base = isAway ? stranger.url : "/";
      return void socket.write(to(`${base}moved${path.slice(path.indexOf("?"))}&key=kept#${path}`));
    });
    const authentication = apiKey(apiKeyConfig.parse({ type: "api_key", in: "query", name: "key" }), "canary-token");
    const { client } = stage(server.url, { authentication });
    await textOf(await client.send(get(`${server.url}?a=1`), callFor()));
    if (isAway) expect(stranger.heads[0]).toMatch(/^GET \/moved\?a=1&key=kept HTTP/);
    else expect(server.heads[1]).toMatch(/^GET \/moved\?a=1&key=kept&key=canary-token HTTP/);
  });

  test("to another origin is not followed with who asks in the middle of it", async () => {
    const stranger = await rawServer(ok("there"));
    const server = await rawServer((socket, head) => {
      const came = encodeURIComponent(`${server.url}${head.split(" ")[1]}`);
      socket.write(to(`${stranger.url}login?return_to=${came}`));
    });
    const authentication = apiKey(apiKeyConfig.parse({ type: "api_key", in: "query", name: "key" }), "canary-token");
    const { client } = stage(server.url, { authentication });
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
    expect(stranger.heads).toEqual([]);
  });

  test("to another origin that wants a credential says so, and not that the credential is wrong", async () => {
    const stranger = await rawServer(ok("who?", [], "401 Unauthorized"));
    const server = await rawServer(to(stranger.url));
    const { client } = stage(server.url, { authentication: bearer });
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
    expect(stranger.heads.length).toBe(1);
  });

  test("a request to another origin shows nothing of who asks, either", async () => {
    const stranger = await rawServer(ok("theirs"));
    const { client } = stage("http://127.0.0.1:1/", { authentication: bearer });
    await textOf(await client.send(get(stranger.url), callFor()));
    expect(stranger.heads[0]).not.toContain("canary-token");
  });
});

const redirect = (location: string, status = "302 Found") =>
  `HTTP/1.1 ${status}\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

test.each([
  "http://169.254.169.254/latest/meta-data/",
  "http://10.0.0.1/",
  "http://[::ffff:169.254.169.254]/",
  "http://metadata.google.internal/",
])("a redirect to %s reaches nobody", async (location) => {
  const server = await rawServer(redirect(location));
  const { client, places } = stage(server.url, { authentication: bearer });
  await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
  await expect.poll(() => places().open - places().lent).toBe(0);
});

test("a redirect to this machine reaches nobody where this machine is closed", async () => {
  const canary = await rawServer(ok("secret"));
  const server = await rawServer(redirect(`http://localhost:${canary.port}/`));
  const dial = createDial(createEgressPolicy({ allow: [`127.0.0.1:${server.port}`] }));
  const { client } = stage(server.url, { dial });
  await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
  expect(canary.connections).toBe(0);
});

test("redirects in a circle end", async () => {
  const server = await rawServer(redirect("/again"));
  const { client } = stage(server.url);
  await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({
    kind: "egress_denied",
    message: expect.stringContaining("more than 5 times"),
  });
  expect(server.heads.length).toBe(6);
});

test.each(["ftp://example.com/", "https://user:password@example.com/", "http://"])(
  "a redirect to %s is not followed",
  async (location) => {
    expect(await refusalOfRedirect(location)).toMatchObject({ kind: "egress_denied" });
  },
);

async function refusalOfRedirect(location: string): Promise<Failure> {
  const server = await rawServer(redirect(location));
  const { client } = stage(server.url);
  return client.send(get(server.url), callFor()).then(
    () => expect.unreachable(),
    (error: Failure) => error,
  );
}

test("a redirect of what is no GET is refused", async () => {
  const server = await rawServer(redirect("/elsewhere", "307 Temporary Redirect"));
  const { client } = stage(server.url);
  await expect(client.send(post(server.url, "{}"), callFor())).rejects.toMatchObject({
    kind: "configuration_rejected",
    status: "307",
  });
  expect(server.heads.length).toBe(1);
});
