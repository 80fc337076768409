import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";

let canary: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  canary = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  // On every address of this machine.
  canary.listen(0);
  await once(canary, "listening");
  port = (canary.address() as AddressInfo).port;
});
afterAll(() => void canary.close());

const dialPublic = createDial(createEgressPolicy({ allow: [] }));

test.each([
  ...["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "0", "localhost", "LOCALHOST."],
  ...["::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::7f00:1", "169.254.169.254", "168.63.129.16"],
])("%s is refused before a connection is made", async (host) => {
  const before = connections;
  await expect(dialPublic({ host, port })).rejects.toMatchObject({
    // What this machine's resolver does not take for an address is no way in, either.
    ...(/^(0|LOCALHOST\.)$/.test(host) ? {} : { kind: "egress_denied", where: "egress" }),
  });
  expect(connections).toBe(before);
});

test("a name is refused when only one of its addresses is allowed", async () => {
  const dial = createDial({ allows: (address) => address !== "127.0.0.1" && address !== "::1", names: () => false });
  await expect(dial({ host: "localhost", port })).rejects.toMatchObject({ kind: "egress_denied" });
});

test("a public address is not dialled for what others could read, and the refusal asks for https", async () => {
  await expect(dialPublic({ host: "8.8.8.8", port: 80, isClearText: true })).rejects.toMatchObject({
    kind: "egress_denied",
    message: expect.stringContaining("without encryption"),
    remedy: expect.stringContaining("https"),
  });
});

test("an allowed address is connected to", async () => {
  const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8", "::1/128"] }));
  const before = connections;
  const heard = once(canary, "connection");
  const socket = await dial({ host: "localhost", port });
  await heard;
  expect(connections).toBe(before + 1);
  socket.destroy();
});

test("a connection whose other end is judged to be closed after all is ended, and nothing was sent", async () => {
  const judged: string[] = [];
  const dial = createDial({ allows: (address) => judged.push(address) === 1, names: () => false });
  const heard = once(canary, "connection");
  await expect(dial({ host: "127.0.0.1", port })).rejects.toMatchObject({ kind: "egress_denied" });
  expect(judged).toEqual(["127.0.0.1", "127.0.0.1"]);
  const [socket] = await heard;
  expect(socket.bytesRead).toBe(0);
});

test("a dial that was given up says why, and leaves nothing open", async () => {
  const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));
  const reason = new Error("given up");
  await expect(dial({ host: "127.0.0.1", port }, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const dialling = dial({ host: "127.0.0.1", port }, controller.signal);
  controller.abort(reason);
  await expect(dialling).rejects.toBe(reason);
});

test("a port at which nothing listens fails with Node's own code", async () => {
  const gone = createServer();
  gone.listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port: free } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, "close");
  const dial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));
  await expect(dial({ host: "127.0.0.1", port: free })).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
