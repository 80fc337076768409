/** How Redis is reached. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { pipeline } from "node:stream";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import { createTrust } from "../../src/egress/tls.ts";
import { connectRedis, type RedisRoute } from "../../src/execution/redis.ts";
import { type Certificate, certificateAuthority } from "../support/certificate.ts";
import { dnsServer } from "../support/dns.ts";
import { patience } from "../support/patience.ts";
import { type OwnRedis, ownRedis, unhurried } from "../support/redis.ts";

let server: OwnRedis;
beforeAll(async () => {
  server = await ownRedis();
});
afterAll(() => server.stop());

const authority = certificateAuthority();
const trust = createTrust(authority.cert);

function connectTo(url: string, route: RedisRoute = {}) {
  const redis = connectRedis(url, () => {}, { ...unhurried, ...route });
  onTestFinished(() => redis.close());
  return redis;
}

/** Redis as it is behind TLS. */
async function behindTls({ cert, key }: Certificate): Promise<string> {
  const front = createServer({ cert, key }, (socket) => {
    const behind = connect(server.port, "127.0.0.1");
    pipeline(socket, behind, socket, () => {});
  });
  front.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  onTestFinished(() => void front.close());
  await once(front, "listening");
  return `rediss://localhost:${(front.address() as AddressInfo).port}`;
}

/** What a connection is given up for, the first time. */
function firstError(redis: ReturnType<typeof connectRedis>): Promise<unknown> {
  return new Promise((resolve) => redis.client.once("error", resolve));
}

describe("over TLS", () => {
  test("a server whose authority the operator trusts is used", async () => {
    const redis = connectTo(await behindTls(authority.issue()), { trust });
    await vi.waitUntil(() => redis.available, patience);
    await redis.client.set("tls", "yes");
    expect(await redis.client.get("tls")).toBe("yes");
  });

  test.each([
    ["of another name", authority.issue({ names: ["cache.example.com"] }), "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["that has expired", authority.issue({ years: [2020, 2021] }), "CERT_HAS_EXPIRED"],
    ["of another authority", certificateAuthority("other").issue(), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ])("a server with a certificate %s is not", async (_what, certificate, code) => {
    const redis = connectTo(await behindTls(certificate), { trust });
    expect(await firstError(redis)).toMatchObject({ code });
    expect(redis.available).toBe(false);
  });
});

test("it is dialled where it was found and judged, and looked for again after each loss", async () => {
  const found = ["169.254.169.254", "127.0.0.1"];
  const dns = await dnsServer((_name, type) => (type === "A" ? found.slice(0, 1) : []));
  onTestFinished(() => dns.stop());
  const dial = createDial(createEgressPolicy({ allow: ["0.0.0.0/0"] }), { resolve: dns.resolve });
  const redis = connectTo(`redis://cache.internal:${server.port}`, { dial });
  expect(await firstError(redis)).toMatchObject({ kind: "egress_denied" });
  found.shift();
  await vi.waitUntil(() => redis.available, patience);
});

test("a path in its URL is not gone to", async () => {
  const redis = connectTo(`redis://127.0.0.1:${server.port}/0?path=/nowhere/redis.sock`);
  await vi.waitUntil(() => redis.available, patience);
});

test("one that is closed while it connects leaves nothing behind", async () => {
  const redis = connectTo(`redis://127.0.0.1:${server.port}`);
  const ended = new Promise<void>((resolve) => redis.client.once("end", () => resolve()));
  redis.close();
  await ended;
  expect(redis.available).toBe(false);
});
