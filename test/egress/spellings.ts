/** Hosts as people, resolvers and attackers write them. */

/** One IPv4 address in the ways that inet_aton and IPv6 write it. */
export function ipv4Spellings(octets: readonly number[]): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const dotted = octets.join(".");
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  return [
    ...[dotted, `${whole}`, `0x${whole.toString(16)}`, `0${whole.toString(8)}`],
    ...[`${a}.${whole % 2 ** 24}`, `${a}.${b}.${c * 256 + d}`, `0x${a.toString(16)}.${b}.${c}.${d}`],
    ...[`::ffff:${dotted}`, `::ffff:${high}:${low}`, `::${dotted}`, `::${high}:${low}`, `::ffff:0:${dotted}`],
    ...[`64:ff9b::${dotted}`, `64:ff9b:1::${dotted}`, `2002:${high}:${low}::`, `2a00:1450::5efe:${high}:${low}`],
  ];
}
