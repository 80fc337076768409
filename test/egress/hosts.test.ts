/** Hosts that lead to this machine, to private networks or to a cloud's metadata, however they are written. */
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { isHost } from "../../src/egress/name.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import { Failure } from "../../src/failure.ts";
import { dnsServer } from "../support/dns.ts";
import { scaled } from "../torture/scale.ts";
import { canaryAt, driversOn } from "./drivers.ts";
import { closedHosts } from "./spellings.ts";

const count = scaled({ test: 1_000, torture: 10_000 });

/** So many different ones, the same in every run. */
function hostsOf(size: number): readonly string[] {
  const hosts = new Set<string>();
  for (let seed = 20_261_122; hosts.size < size; seed++) {
    for (const host of fc.sample(closedHosts, { numRuns: size, seed })) hosts.add(host);
  }
  return [...hosts].slice(0, size);
}

/** How a driver takes a host: where it was refused, or what else became of it. */
async function outcomeOf(driving: Promise<unknown>): Promise<string> {
  return driving.then(
    () => "connected",
    (error: unknown) => {
      if (error instanceof Failure) return error.kind;
      // What the configuration does not take is not stored.
      return (error as Error).name === "ZodError" ? "not stored" : String(error);
    },
  );
}

const refusals = ["egress_denied", "invalid_request", "not stored"];

test(`of ${count} hosts that are closed, written in any way, no driver connects to one`, async () => {
  const canary = (await canaryAt(["127.0.0.1", "::1"])) ?? (await canaryAt(["127.0.0.1"]));
  const port = canary?.port ?? 0;
  // Whatever is taken for a name leads to this machine, too.
  const server = await dnsServer((_name, type) => [type === "A" ? "127.0.0.1" : "::1"]);
  onTestFinished(() => server.stop());
  const { resolve } = server;
  const drivers = Object.entries(driversOn(createDial(createEgressPolicy({ allow: [] }), { resolve })));
  const tally: Record<string, number> = {};
  const hosts = hostsOf(count);
  for (const host of hosts) {
    for (const [name, driver] of drivers) {
      const outcome = await outcomeOf(driver(host, port));
      tally[`${name}: ${outcome}`] = (tally[`${name}: ${outcome}`] ?? 0) + 1;
      expect(refusals, `${name} at ${JSON.stringify(host)}`).toContain(outcome);
    }
  }
  expect(await canary?.count()).toBe(0);
  // Each driver has judged hosts itself, and not only been spared what is none.
  for (const [name] of drivers) expect(tally[`${name}: egress_denied`]).toBeGreaterThan(count / 10);
  console.log(`${hosts.length} different spellings, ${drivers.length} drivers, 0 connections:`, tally);
});

test.each([
  ...[
    "db.example.com",
    "db.example.com.",
    "DB-1.example.com",
    "my_db",
    "a",
    "xn--bcher-kva.example",
    "1.example",
    "0x7f.example",
  ],
  ...["8.8.8.8", "::1", "2001:db8::1", "::ffff:8.8.8.8", `${"a".repeat(63)}.example`],
])("%j is a host", (host) => {
  expect(isHost(host)).toBe(true);
});

test.each([
  ...[
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "-a.example",
    "a-.example",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}`,
    "a b",
  ],
  ...[
    "127.1",
    "1",
    "0",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "example.0x",
    "example.1",
    "256.256.256.256",
  ],
  ...[
    "fe80::1%eth0",
    "[::1]",
    "::1.",
    "bücher.example",
    "１２７.0.0.1",
    "a\0b",
    "a\n",
    "a/b",
    "a:1",
    "user@a",
    "%6c",
    "~",
  ],
])("%j is none", (host) => {
  expect(isHost(host)).toBe(false);
});
