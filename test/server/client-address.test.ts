/** Whom a call comes from: the peer, or whom a trusted proxy names, and never what a caller says of itself. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { clientAddressKey } from "../../src/rpc/principal.ts";
import { clientAddressBehind } from "../../src/server/client-address.ts";
import { serve } from "./serving.ts";

const behind = clientAddressBehind(["10.0.0.0/8", "fd00::/8"]);

test.each([
  ["a peer that is no proxy", "192.0.2.1", "198.51.100.7", "192.0.2.1"],
  ["a proxy that says nothing", "10.0.0.1", undefined, "10.0.0.1"],
  ["a proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
  ["a proxy, to a port of IPv6", "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
  ["a proxy of IPv6", "fd00::1", "2001:db8::7", "2001:db8::7"],
  ["two proxies", "10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"],
  ["a caller that names another one", "10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"],
  ["a caller that names a proxy", "10.0.0.1", "10.9.9.9,198.51.100.7", "198.51.100.7"],
  ["a caller that is a proxy's neighbour", "10.0.0.1", "10.0.0.7", "10.0.0.7"],
  ["a caller that writes nonsense", "10.0.0.1", "x, <script>, 198.51.100.7", "198.51.100.7"],
  ["a proxy that writes nonsense", "10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"],
  ["a proxy that adds the port", "10.0.0.1", "198.51.100.7:40001", "198.51.100.7"],
  ["a proxy that adds the port, of IPv6", "10.0.0.1", "[2001:db8::7]:40001", "2001:db8::7"],
  ["nobody", undefined, "198.51.100.7", undefined],
])("%s", (_, peer, said, expected) => {
  expect(behind(peer, said === undefined ? {} : { "x-forwarded-for": said })).toBe(expected);
});

test("without trusted proxies nobody is believed", () => {
  expect(clientAddressBehind([])("10.0.0.1", { "x-forwarded-for": "198.51.100.7" })).toBe("10.0.0.1");
});

test("a call through a proxy has the address of its caller, whatever that one claims", async () => {
  const server = await serve({
    trustedProxies: ["127.0.0.1/32"],
    service: { listProviders: (_, { values }) => ({ providers: [{ id: values.get(clientAddressKey) ?? "" }] }) },
  });
  const proxy = createServer(({ headers, socket, url }, response) => {
    const said = `${headers["x-forwarded-for"]}, ${socket.remoteAddress}`;
    const forwarded = { "content-type": "application/json", "x-forwarded-for": said };
    request(`${server.url}${url}`, { method: "POST", headers: forwarded }, (answer) => answer.pipe(response)).end("{}");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void proxy.close());
  await once(proxy, "listening");
  const answered = await new Promise<unknown>((resolve, reject) => {
    const call = request(
      {
        ...{
          host: "127.0.0.1",
          port: (proxy.address() as AddressInfo).port,
          localAddress: "127.0.0.2",
          method: "POST",
        },
        ...{ path: "/connector.v1.ConnectorService/ListProviders", headers: { "x-forwarded-for": "203.0.113.9" } },
      },
      (answer) => resolve(json(answer)),
    );
    call.on("error", reject).end("{}");
  });
  expect(answered).toEqual({ providers: [{ id: "127.0.0.2" }] });
});
