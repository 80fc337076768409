/** What browsers ask and are told before a page of another origin may call. */
import { describe, expect, test } from "vitest";
import { body, path, post, service } from "./posting.ts";
import { serve } from "./serving.ts";

const origin = "https://app.example.com";
const asked = { origin, "access-control-request-method": "POST" };

const preflight = (url: string, headers: Record<string, string>) =>
  fetch(`${url}${path}`, { method: "OPTIONS", headers });
const namesIn = (response: Response, header: string) => response.headers.get(header)?.toLowerCase().split(", ") ?? [];

describe("a page of an origin that is allowed", () => {
  test("may send what every protocol and the client need", async () => {
    const { url } = await serve({ service, origins: ["https://other.example.com", origin] });

    const answer = await preflight(url, asked);

    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect(answer.headers.get("vary")).toBe("Origin");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    const headers = ["authorization", "connector-agent", "content-type", "connect-timeout-ms", "x-grpc-web"];
    expect(namesIn(answer, "access-control-allow-headers")).toEqual(expect.arrayContaining(headers));
    expect(namesIn(answer, "access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "post", "delete"]));
  });

  test("reads the answer, and the status of gRPC-Web", async () => {
    const { url } = await serve({ service, origins: [origin] });

    const answer = await post(url, { origin });

    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    const status = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    expect(namesIn(answer, "access-control-expose-headers")).toEqual(expect.arrayContaining(status));
  });

  test("is told of errors too, those that reach no call included", async () => {
    const { url } = await serve({ service, origins: [origin] });

    const [wrong, nowhere] = await Promise.all([
      post(url, { origin }, body.slice(1)),
      fetch(`${url}/nowhere`, { headers: { origin } }),
    ]);

    expect([wrong.status, nowhere.status]).toEqual([400, 404]);
    for (const { headers } of [wrong, nowhere]) expect(headers.get("access-control-allow-origin")).toBe(origin);
  });
});

test.each([
  ["another origin", [origin], "https://evil.example.com"],
  ["a part of an allowed one", [origin], "https://app.example.co"],
  ["the origin of a file", [origin], "null"],
  ["any origin, where none is allowed", [], origin],
])("a page of %s is allowed nothing", async (_, origins, asking) => {
  const { url } = await serve({ service, origins });

  const answers = await Promise.all([preflight(url, { ...asked, origin: asking }), post(url, { origin: asking })]);

  for (const { headers } of answers) {
    expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  }
});

test("callers that are no browsers are answered as ever", async () => {
  const { url } = await serve({ service, origins: [origin] });
  const answer = await post(url);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("access-control-allow-origin")).toBeNull();
});
