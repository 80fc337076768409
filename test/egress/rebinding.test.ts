/** Names whose addresses change between the moment they are judged and the moment they are dialled. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createDial, type Dial } from "../../src/egress/dial.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import { dnsServer } from "../support/dns.ts";
import { canaryAt, type Driver, driversOn } from "./drivers.ts";

const flips = 1_000;
/** Questions on their way at once. */
const width = 20;

/**
 * An address of this machine that is open and one that is closed, with a listener at each. The
 * two are of one kind where the machine has both (127.0.0.0/8 is all loopback on Linux).
 */
async function stage() {
  const closed = await canaryAt(["127.0.0.1"]);
  for (const address of ["127.0.0.2", "::1"]) {
    const open = await canaryAt([address], closed?.port);
    if (closed !== undefined && open !== undefined) return { closed, open, address, policy: policyFor(address) };
  }
  throw new Error("This machine has one loopback address only.");
}

const policyFor = (address: string) => createEgressPolicy({ allow: [address] });

/** Answers each name with the open address once, and with the closed one ever after. */
async function flipping(address: string) {
  const known = new Set<string>();
  const typeOfOpen = address.includes(":") ? "AAAA" : "A";
  const server = await dnsServer((name, type) => {
    // Of both kinds of questions, the one that the open address answers decides.
    if (known.has(name)) return type === "A" ? ["127.0.0.1"] : [];
    if (type !== typeOfOpen) return [];
    known.add(name);
    return [address];
  });
  onTestFinished(() => server.stop());
  return server;
}

async function dialAll(count: number, work: (host: string, i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += width) {
    const hosts = Array.from({ length: Math.min(width, count - i) }, (_, j) => `n${i + j}.flip.test`);
    await Promise.allSettled(hosts.map((host, j) => work(host, i + j)));
  }
}

test(`of ${flips} names that change after they were judged, none leads to the changed address`, async () => {
  const { closed, open, address, policy } = await stage();
  const { resolve } = await flipping(address);
  const drivers = Object.values(driversOn(createDial(policy, { resolve })));
  await dialAll(flips, (host, i) => (drivers[i % drivers.length] as Driver)(host, open.port));
  const connections = { atTheClosed: await closed.count(), atTheOpen: await open.count() };
  expect(connections).toEqual({ atTheClosed: 0, atTheOpen: flips });
  console.log(`${flips} names that change, ${drivers.length} drivers, connections: ${JSON.stringify(connections)}`);
});

test("a dial that asked once more would be led there by the same names", async () => {
  const { closed, open, address } = await stage();
  const { resolve } = await flipping(address);
  const naive: Dial = async ({ host, port }) => {
    await resolve(host);
    const [found] = await resolve(host);
    const socket = connect(port, found?.address);
    await once(socket, "connect");
    return socket;
  };
  const { redis } = driversOn(naive);
  await dialAll(10, (host) => redis(host, open.port));
  expect(await closed.count()).toBe(10);
});

test("a name with a closed address among its open ones is refused as a whole", async () => {
  const { closed, open, address, policy } = await stage();
  const mixed = [...(address.includes(":") ? [] : [address]), "127.0.0.1"];
  const server = await dnsServer((_name, type) => (type === "A" ? mixed : address.includes(":") ? [address] : []));
  onTestFinished(() => server.stop());
  const dial = createDial(policy, { resolve: server.resolve });
  for (const driver of Object.values(driversOn(dial))) {
    await expect(driver("mixed.flip.test", open.port)).rejects.toMatchObject({ kind: "egress_denied" });
  }
  expect([await closed.count(), await open.count()]).toEqual([0, 0]);
});
