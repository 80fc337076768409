import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEgressPolicies, createEgressPolicy, operatorPolicy } from "../../src/egress/policy.ts";
import type { EgressRules } from "../../src/egress/rules.ts";
import { ipv4Spellings } from "./spellings.ts";

const unopened = createEgressPolicy({ allow: [] });

/** Those of the addresses that may be dialled, under their own name or another one. */
function open(
  rules: EgressRules,
  addresses: readonly string[],
  { host = "", port = 5432, isClearText = false } = {},
): string[] {
  const policy = createEgressPolicy(rules);
  return addresses.filter((address) => policy.allows(address, { host: host || address, port, isClearText }));
}

test("what others can read on its way goes only where the operator opened the way", () => {
  const addresses = ["8.8.8.8", "2606:4700:4700::1111", "10.0.0.1", "169.254.169.254"];
  const asked = { host: "api.example.com", port: 80, isClearText: true };
  expect(open({ allow: [] }, addresses, asked)).toEqual([]);
  expect(open({ allow: ["8.8.8.0/24:80", "10.0.0.0/8"] }, addresses, asked)).toEqual(["8.8.8.8", "10.0.0.1"]);
  expect(open({ allow: ["api.example.com:80"] }, addresses, asked)).toEqual(addresses.slice(0, 3));
  expect(open({ allow: ["api.example.com:443"] }, addresses, asked)).toEqual([]);
});

describe("without the operator's word", () => {
  test.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"])(
    "the public address %s may be dialled",
    (address) => {
      expect(open({ allow: [] }, [address])).toEqual([address]);
    },
  );

  test.each([
    ["this host", ["0.0.0.0", "0.1.2.3", "::"]],
    ["loopback", ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"]],
    ["loopback in other spellings", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1"]],
    ["IPv4 inside IPv6", ["::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::10.0.0.1", "::a00:1"]],
    [
      "IPv4 behind a translation",
      ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "::ffff:0:127.0.0.1", "2002:7f00:1::", "2001::1"],
    ],
    ["IPv4 behind ISATAP, in public networks", ["2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:a00:1"]],
    ["private networks", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1", "fec0::1"]],
    ["carriers' networks", ["100.64.0.1", "100.127.255.255"]],
    ["link-local, cloud metadata there too", ["169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0"]],
    [
      "cloud metadata elsewhere",
      ["168.63.129.16", "::ffff:168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"],
    ],
    ["multicast and broadcast", ["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"]],
    [
      "documentation and tests",
      [
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "198.19.255.255",
        "2001:db8::1",
        "2001:2::1",
        "3fff::1",
      ],
    ],
    [
      "protocols' own",
      [
        "192.0.0.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.175.48.1",
        "2001:1::1",
        "2001:20::1",
        "5f00::1",
      ],
    ],
    ["nobody's", ["240.0.0.1", "100::1", "100:0:0:1::1", "1::1", "4000::1", "e000::1"]],
    ["no address at all", ["", "localhost", "300.1.1.1", "1.2.3.4.5", "example.com", "127.0.0.1 ", ":::"]],
  ])("%s may not", (_what, addresses) => {
    expect(open({ allow: [] }, addresses)).toEqual([]);
  });

  test("no address of a private network may, in whichever of its spellings", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const privates = fc.oneof(
      fc.tuple(fc.constant(127), octet, octet, octet),
      fc.tuple(fc.constant(10), octet, octet, octet),
      fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
      fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
    );
    fc.assert(
      fc.property(privates, (octets) => {
        expect(ipv4Spellings(octets).filter((host) => unopened.allows(host, { host, port: 1 }))).toEqual([]);
      }),
    );
  });
});

describe("what the operator opens", () => {
  test("is open, and nothing beside it", () => {
    const allow = ["10.20.0.0/16", "::1/128", "192.168.7.7"];
    const inside = ["10.20.0.1", "::ffff:10.20.255.255", "::1", "192.168.7.7"];
    expect(open({ allow }, inside)).toEqual(inside);
    expect(open({ allow }, ["10.21.0.1", "127.0.0.1", "::2", "192.168.7.8", "169.254.169.254"])).toEqual([]);
    expect(open({ allow }, ["8.8.8.8"])).toEqual(["8.8.8.8"]);
  });

  test("is open at its port only, when it has one", () => {
    const allow = ["10.0.0.0/8:5432", "[fd00::/8]:5432", "db.internal:5432"];
    const addresses = ["10.1.1.1", "fd00::1"];
    expect(open({ allow }, addresses, { port: 5432 })).toEqual(addresses);
    expect(open({ allow }, addresses, { port: 5433 })).toEqual([]);
    expect(open({ allow }, ["192.168.1.1"], { host: "db.internal", port: 5432 })).toEqual(["192.168.1.1"]);
    expect(open({ allow }, ["192.168.1.1"], { host: "db.internal", port: 5433 })).toEqual([]);
  });

  test.each([
    ["db.internal", "db.internal", true],
    ["db.internal", "DB.Internal.", true],
    ["db.internal", "a.db.internal", false],
    ["*.internal", "a.internal", true],
    ["*.internal", "a.b.INTERNAL.", true],
    ["*.internal", "internal", false],
    ["*.internal", "notinternal", false],
    ["*.internal", "a.internal.example.com", false],
  ])("%s opens a private network to %s: %s", (rule, host, opens) => {
    expect(open({ allow: [rule] }, ["10.1.1.1", "fd00::1"], { host })).toEqual(opens ? ["10.1.1.1", "fd00::1"] : []);
  });

  test("by a name is not open under another, nor this machine or another's networks by any name", () => {
    expect(open({ allow: ["*.example.com"] }, ["10.1.1.1"])).toEqual([]);
    const elsewhere = ["127.0.0.1", "::1", "198.18.0.1", "64:ff9b::a00:1", "2002:7f00:1::"];
    expect(open({ allow: ["*.example.com"] }, elsewhere, { host: "a.example.com" })).toEqual([]);
  });

  test("never holds link-local addresses, cloud metadata and what is no host", () => {
    const allow = ["0.0.0.0/0", "::/0", "169.254.0.0/16", "168.63.129.16/32"];
    const never = ["169.254.169.254", "169.254.170.2", "fe80::1", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"];
    expect(open({ allow }, [...never, "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])).toEqual([]);
    expect(open({ allow }, ["64:ff9b::169.254.169.254", "::ffff:0:169.254.169.254", "2002:a9fe:a9fe::1"])).toEqual([]);
    expect(open({ allow }, ["127.0.0.1", "::1", "10.0.0.1", "64:ff9b::a00:1"])).toHaveLength(4);
  });

  test("leads through a translation only where it leads without one", () => {
    const allow = ["64:ff9b::/96"];
    expect(open({ allow }, ["64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1"])).toEqual([
      "64:ff9b::8.8.8.8",
    ]);
  });
});

describe("what the operator closes", () => {
  test("is closed, whatever opens it", () => {
    const rules = { allow: ["10.0.0.0/8", "db.example.com"], deny: ["10.0.9.0/24", "8.8.8.8", "*.example.com:25"] };
    const addresses = ["10.0.8.1", "10.0.9.1", "8.8.8.8", "8.8.4.4"];
    expect(open(rules, addresses)).toEqual(["10.0.8.1", "8.8.4.4"]);
    expect(open(rules, addresses, { host: "db.example.com", port: 25 })).toEqual([]);
    expect(open(rules, ["::ffff:8.8.8.8"])).toEqual([]);
  });

  test("may be everything that is not listed", () => {
    const rules = { allow: ["10.0.0.0/8", "db.example.com", "*.example.org:443"], default: "deny" } as const;
    expect(open(rules, ["10.0.0.1", "8.8.8.8", "2606:4700:4700::1111"])).toEqual(["10.0.0.1"]);
    expect(open(rules, ["8.8.8.8"], { host: "db.example.com" })).toEqual(["8.8.8.8"]);
    expect(open(rules, ["8.8.8.8"], { host: "a.example.org", port: 443 })).toEqual(["8.8.8.8"]);
    expect(open(rules, ["8.8.8.8"], { host: "a.example.org", port: 80 })).toEqual([]);
  });
});

test("an organization has what is its own besides what all have, and no other has it", () => {
  const policyFor = createEgressPolicies({
    allow: ["10.0.0.0/16"],
    deny: ["10.0.9.0/24"],
    organizations: {
      acme: { allow: ["10.1.0.0/16", "10.0.9.9"], deny: ["8.8.8.8"] },
      globex: { default: "deny" },
    },
  });
  const addresses = ["10.0.0.1", "10.0.9.9", "10.1.0.1", "8.8.8.8", "8.8.4.4"];
  const openTo = (organizationId: string) =>
    addresses.filter((host) => policyFor(organizationId).allows(host, { host, port: 1 }));
  expect(openTo("acme")).toEqual(["10.0.0.1", "10.1.0.1", "8.8.4.4"]);
  expect(openTo("globex")).toEqual(["10.0.0.1"]);
  expect(openTo("initech")).toEqual(["10.0.0.1", "8.8.8.8", "8.8.4.4"]);
  expect(openTo("__proto__")).toEqual(openTo("initech"));
});

test("the operator's own endpoints may be anywhere but at link-local addresses and cloud metadata", () => {
  const may = (address: string) => operatorPolicy.allows(address, { host: address, port: 1 });
  expect(["127.0.0.1", "::1", "10.0.0.1", "fd00::1", "8.8.8.8"].filter((each) => !may(each))).toEqual([]);
  const never = ["169.254.169.254", "::ffff:169.254.170.2", "fe80::1", "168.63.129.16", "0.0.0.0", "ff02::1"];
  expect([...never, "64:ff9b::169.254.169.254", "localhost"].filter((each) => may(each))).toEqual([]);
});

test.each([
  ...[
    "10.0.0.0/33",
    "example.com/8",
    "10.0.0.0/8/8",
    "10.0.0.0/8:0",
    "10.0.0.1:65536",
    "10.0.0.1:x",
    "",
    "*",
    "*.",
    "a.*",
  ],
  ...["*example.com", "https://example.com", "127.1", "0x7f.1/8", "[::1]:", "fe80::1%eth0", "a b", "bücher.example"],
])("a rule must have one of the forms: %j has none", (rule) => {
  expect(() => createEgressPolicy({ allow: [rule] })).toThrow(JSON.stringify(rule));
});
