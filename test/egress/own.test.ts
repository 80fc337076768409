/** What the service listens on and lives on, which no connector reaches. */
import { networkInterfaces } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createOwnPlaces, placeOf } from "../../src/egress/own.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import { dnsServer } from "../support/dns.ts";
import { canaryAt } from "./drivers.ts";

/** Names that a test can lead elsewhere. */
async function places(addresses: Record<string, string> = {}) {
  const server = await dnsServer((name, type) => {
    const address = addresses[name];
    return address !== undefined && address.includes(":") === (type === "AAAA") ? [address] : [];
  });
  onTestFinished(() => server.stop());
  return createOwnPlaces(server.resolve);
}

const ofThisMachine = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .map(({ address }) => address.replace(/%.*/, ""));

test.each(["127.0.0.1", "0.0.0.0", "::", "localhost"])(
  "a listener on %s is found at all addresses of the machine",
  async (host) => {
    const own = await places({ localhost: "127.0.0.1" });
    own.add({ host, port: 8080 });
    const addresses = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ...ofThisMachine];
    for (const address of addresses) {
      expect(await own.at(address, 8080), address).toMatchObject({ port: 8080 });
      expect(await own.at(address, 8081), address).toBeUndefined();
    }
    expect(await own.at("8.8.8.8", 8080)).toBeUndefined();
  },
);

test("a server elsewhere is found at its own address, whatever it is called", async () => {
  const own = await places({ "db.internal": "10.1.2.3", "db6.internal": "fd00::7" });
  own.add({ host: "db.internal", port: 5432, database: "connector" });
  own.add({ host: "db6.internal", port: 5432 });
  expect(await own.at("10.1.2.3", 5432)).toMatchObject({ database: "connector" });
  expect(await own.at("::ffff:10.1.2.3", 5432)).toMatchObject({ database: "connector" });
  expect(await own.at("fd00:0:0::7", 5432)).toMatchObject({ host: "db6.internal" });
  expect(await own.at("10.1.2.4", 5432)).toBeUndefined();
  expect(await own.at("127.0.0.1", 5432)).toBeUndefined();
});

test("a server whose name can't be resolved denies nobody else", async () => {
  const own = await places();
  own.add({ host: "gone.internal", port: 5432 });
  expect(await own.at("10.1.2.3", 5432)).toBeUndefined();
});

test.each([
  ["postgres://u:p@db.internal/connector", { host: "db.internal", port: 5432, database: "connector" }],
  ["postgresql://u:p@[fd00::1]:6432/a%20b?sslmode=require", { host: "fd00::1", port: 6432, database: "a b" }],
  ["postgres:///connector?host=/var/run/postgresql", { host: "localhost", port: 5432, database: "connector" }],
  ["redis://:p@10.0.0.1/0", { host: "10.0.0.1", port: 6379 }],
  ["rediss://cache:6380", { host: "cache", port: 6380 }],
  ["https://vault.internal/v1", { host: "vault.internal", port: 443 }],
])("the operator's URL %s tells the place", (url, place) => {
  expect(placeOf(url)).toEqual(place);
});

describe("a connector", () => {
  async function reach(allow: readonly string[], database?: string): Promise<string> {
    const canary = await canaryAt(["127.0.0.1"]);
    const port = canary?.port ?? 0;
    const own = await places();
    own.add({ host: "127.0.0.1", port, database: "connector" });
    const rules = allow.map((rule) => rule.replace("PORT", String(port)));
    const dial = createDial(createEgressPolicy({ allow: rules }), { own });
    return dial({ host: "127.0.0.1", port, database }).then(
      (socket) => {
        socket.destroy();
        return "connected";
      },
      ({ message }: Error) => (message.includes("this service itself") ? "own" : message),
    );
  }

  test("does not reach the service's database server where a range is open", async () => {
    for (const allow of [["127.0.0.0/8"], ["127.0.0.1"], ["127.0.0.0/8:PORT"], ["0.0.0.0/0"]]) {
      expect(await reach(allow, "customer")).toBe("own");
    }
  });

  test("reaches another database there when the operator names that very server, and not the service's own", async () => {
    expect(await reach(["127.0.0.1:PORT"], "customer")).toBe("connected");
    expect(await reach(["127.0.0.1:PORT"], "connector")).toBe("own");
    expect(await reach(["127.0.0.1:PORT"])).toBe("own");
  });
});
