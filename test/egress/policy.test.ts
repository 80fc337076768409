import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEgressPolicy } from "../../src/egress/policy.ts";

const strict = createEgressPolicy([]);

describe("without the operator's word", () => {
  test.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"])(
    "the public address %s may be dialled",
    (address) => {
      expect(strict.allows(address)).toBe(true);
    },
  );

  test.each([
    ["this host", ["0.0.0.0", "0.1.2.3", "::"]],
    ["loopback", ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"]],
    ["loopback in other spellings", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1"]],
    ["IPv4 inside IPv6", ["::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::10.0.0.1", "::a00:1"]],
    [
      "IPv4 behind a translation",
      ["64:ff9b::7f00:1", "64:ff9b:1::a00:1", "::ffff:0:127.0.0.1", "2002:7f00:1::", "2001::1"],
    ],
    ["private networks", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1", "fec0::1"]],
    ["carriers' networks", ["100.64.0.1", "100.127.255.255"]],
    ["link-local, cloud metadata there too", ["169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0"]],
    ["cloud metadata elsewhere", ["168.63.129.16", "::ffff:168.63.129.16", "fd00:ec2::254"]],
    ["multicast and broadcast", ["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"]],
    ["documentation and tests", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "2001:2::1"]],
    ["nobody's", ["240.0.0.1", "192.0.0.1", "100::1", "1::1", "4000::1", "5f00::1"]],
    ["no address at all", ["", "localhost", "300.1.1.1", "1.2.3.4.5", "example.com", "127.0.0.1 ", ":::"]],
  ])("%s may not", (_what, addresses) => {
    expect(addresses.filter((address) => strict.allows(address))).toEqual([]);
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
        expect(spellings(octets).filter((address) => strict.allows(address))).toEqual([]);
      }),
    );
  });
});

/** One IPv4 address in the ways that inet_aton and IPv6 write it. */
function spellings(octets: readonly number[]): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const dotted = octets.join(".");
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  return [
    ...[dotted, `${whole}`, `0x${whole.toString(16)}`, `0${whole.toString(8)}`],
    ...[`${a}.${whole % 2 ** 24}`, `${a}.${b}.${c * 256 + d}`, `0x${a.toString(16)}.${b}.${c}.${d}`],
    ...[`::ffff:${dotted}`, `::ffff:${high}:${low}`, `::${dotted}`, `::${high}:${low}`],
    ...[`64:ff9b::${dotted}`, `2002:${high}:${low}::`],
  ];
}

describe("what the operator allows", () => {
  test("is open, and nothing beside it", () => {
    const policy = createEgressPolicy(["10.20.0.0/16", "::1/128"]);
    expect(["10.20.0.1", "::ffff:10.20.255.255", "::1"].filter((address) => !policy.allows(address))).toEqual([]);
    expect(["10.21.0.1", "127.0.0.1", "::2", "169.254.169.254"].filter((each) => policy.allows(each))).toEqual([]);
    expect(policy.allows("8.8.8.8")).toBe(true);
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "example.com/8", "everything"])("must be a range: %s is none", (range) => {
    expect(() => createEgressPolicy([range])).toThrow(range);
  });
});
