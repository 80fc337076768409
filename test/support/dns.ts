/** A DNS server on loopback that says what the test wants it to (RFC 1035; AAAA by RFC 3596). */
import { createSocket, type RemoteInfo } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import ipaddr from "ipaddr.js";
import type { Resolve } from "../../src/egress/resolve.ts";

export interface DnsServer {
  /** Asks this server, each time anew, for both kinds of addresses. */
  readonly resolve: Resolve;
  stop(): Promise<void>;
}

/** Gives the addresses of a name; each question of it comes here. */
type Answer = (name: string, type: "A" | "AAAA") => readonly string[];

const types: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" };
const headerBytes = 12;

export async function dnsServer(answer: Answer): Promise<DnsServer> {
  const socket = createSocket("udp4");
  socket.on("message", (question: Buffer, { port, address }: RemoteInfo) => {
    socket.send(answerTo(question, answer), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const resolver = new Resolver({ timeout: 10_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    async resolve(host) {
      const [four, six] = await Promise.all([
        resolver.resolve4(host).catch(noneOf),
        resolver.resolve6(host).catch(noneOf),
      ]);
      const found = [
        ...four.map((address) => ({ address, family: 4 })),
        ...six.map((address) => ({ address, family: 6 })),
      ];
      if (found.length === 0) throw Object.assign(new Error("no address"), { code: "ENOTFOUND" });
      return found;
    },
    async stop() {
      socket.close();
      await once(socket, "close");
    },
  };
}

function noneOf(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENODATA") return [];
  throw error;
}

function answerTo(question: Buffer, answer: Answer): Buffer {
  const labels: string[] = [];
  let at = headerBytes;
  for (let size = question[at] ?? 0; size > 0; size = question[at] ?? 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + size));
    at += 1 + size;
  }
  const end = at + 5;
  const type = types[question.readUInt16BE(at + 1)];
  const addresses = type === undefined ? [] : answer(labels.join("."), type);
  const header = Buffer.from(question.subarray(0, headerBytes));
  // A response, authoritative and without error: one question, no authority, nothing additional.
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, question.subarray(headerBytes, end), ...addresses.map(record)]);
}

/** Its name is the question's, at byte 12; it may not be kept. */
function record(address: string): Buffer {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  const head = Buffer.from([0xc0, headerBytes, 0, bytes.length === 4 ? 1 : 28, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
  return Buffer.concat([head, bytes]);
}
