/** Hosts as people, resolvers and attackers write them. */
import fc from "fast-check";

type Octets = readonly [number, number, number, number];

/** One IPv4 address in the ways that inet_aton and IPv6 write it. */
export function ipv4Spellings(octets: Octets): string[] {
  const [a, b, c, d] = octets;
  const dotted = octets.join(".");
  const whole = wholeOf(octets);
  const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  return [
    ...[dotted, `${whole}`, `0x${whole.toString(16)}`, `0${whole.toString(8)}`],
    ...[`${a}.${whole % 2 ** 24}`, `${a}.${b}.${c * 256 + d}`, `0x${a.toString(16)}.${b}.${c}.${d}`],
    ...[`::ffff:${dotted}`, `::ffff:${high}:${low}`, `::${dotted}`, `::${high}:${low}`, `::ffff:0:${dotted}`],
    ...[`64:ff9b::${dotted}`, `64:ff9b:1::${dotted}`, `2002:${high}:${low}::`, `2a00:1450::5efe:${high}:${low}`],
  ];
}

const wholeOf = ([a, b, c, d]: Octets) => ((a * 256 + b) * 256 + c) * 256 + d;

const octet = fc.integer({ min: 0, max: 255 });

/** Addresses at which a server of this machine answers, or one that nobody should ask. */
const closed: fc.Arbitrary<Octets> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Octets>([127, 0, 0, 1]) },
  fc.tuple(fc.constant(127), octet, octet, octet),
  fc.constantFrom<Octets>([0, 0, 0, 0], [169, 254, 169, 254], [169, 254, 170, 2], [168, 63, 129, 16]),
  fc.tuple(fc.constant(10), octet, octet, octet),
  fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
);

/** A number as C reads it, with more zeroes in front than it needs. */
const numeral = (value: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom("", "0x", "0X", "0"), fc.integer({ min: 0, max: 4 }), fc.boolean())
    .map(([prefix, zeroes, upper]) => {
      const digits = value.toString(prefix === "" ? 10 : prefix === "0" ? 8 : 16);
      return `${prefix}${"0".repeat(prefix === "" ? 0 : zeroes)}${upper ? digits.toUpperCase() : digits}`;
    });

/** In one to four parts, of which the last takes what is left of the bytes (inet_aton(3)). */
const inParts = (octets: Octets): fc.Arbitrary<string> =>
  fc
    .integer({ min: 1, max: 4 })
    .chain((parts) => fc.tuple(...[...octets.slice(0, parts - 1), wholeOf(octets) % 256 ** (5 - parts)].map(numeral)))
    .map((parts) => parts.join("."));

/** Digits and dots of other scripts, which the forms of Unicode and IDNA turn into those of ASCII. */
const foreign: readonly ((text: string) => string)[] = [
  (text) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (text) => text.replace(/[1-9]/g, (digit) => String.fromCodePoint(0x2460 + Number(digit) - 1)),
  (text) => text.replace(/\d/g, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))),
  (text) => text.replaceAll(".", "。"),
  (text) => text.replaceAll(".", "．"),
  (text) => text.replace(/[a-z]/gi, (letter) => String.fromCodePoint(0xff00 + letter.charCodeAt(0) - 0x20)),
];

/** What stands around a host in other places than this one, or in none. */
const around: readonly ((text: string) => string)[] = [
  ...foreign,
  (text) => text,
  (text) => `${text}.`,
  (text) => `${text}..`,
  (text) => `.${text}`,
  (text) => ` ${text}`,
  (text) => `${text}\t`,
  (text) => `${text}\n`,
  (text) => `${text}\0.example.com`,
  (text) => `[${text}]`,
  (text) => `[::ffff:${text}]`,
  (text) => `${text}%25lo`,
  (text) => `${text}%lo`,
  (text) => `example.com@${text}`,
  (text) => `${text}#example.com`,
  (text) => `${text}?example.com`,
  (text) => `${text}/example.com`,
  (text) => `${text}\\example.com`,
  (text) => `//${text}`,
  (text) => `http://${text}`,
  (text) => text.replaceAll(".", "%2e"),
  (text) => encodeURIComponent(text).replace(/\d/g, (digit) => `%3${digit}`),
  (text) => text.split("").join("\u00ad"),
];

const names = fc
  .constantFrom("localhost", "ip6-localhost", "ip6-loopback", "metadata.google.internal", "metadata")
  .chain((name) =>
    fc
      .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
      .map((upper) => [...name].map((letter, i) => (upper[i] === true ? letter.toUpperCase() : letter)).join("")),
  );

/** Groups with more zeroes than they need, and those that are zero written out or not. */
const ipv6 = fc
  .tuple(
    fc.constantFrom("::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "fe80::1", "fd00:ec2::254"),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([text, form]) => {
    if (form === 0 || text.includes(".")) return text;
    const groups = text.split("::").map((part) => part.split(":").filter((group) => group !== ""));
    const [head = [], tail = []] = groups;
    const whole = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
    return form === 1 ? whole.join(":") : whole.map((group) => group.padStart(4, "0").toUpperCase()).join(":");
  });

/** Any of these, written in any of these ways. */
export const closedHosts: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: closed.chain(inParts) },
      { weight: 3, arbitrary: closed.chain((octets) => fc.constantFrom(...ipv4Spellings(octets))) },
      ipv6,
      names,
    ),
    fc.oneof({ weight: 2, arbitrary: fc.constant((text: string) => text) }, fc.constantFrom(...around)),
  )
  .map(([host, put]) => put(host));
