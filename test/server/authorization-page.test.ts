/** Browsers come back with what an authorization server has written, to the letter. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { authorizationPage } from "../../src/server/authorization-page.ts";

test.each([
  ["state=s&code=a", { state: "s", code: "a" }],
  ["state=s&code=a?b?c&iss=https://as.test/?tenant=1", { state: "s", code: "a?b?c", iss: "https://as.test/?tenant=1" }],
  ["", {}],
])("the query %j is told as it is", async (query, told) => {
  let came: URLSearchParams | undefined;
  const page = authorizationPage({
    path: "/oauth/callback",
    complete: async (answer) => {
      came = answer;
      return new URL("https://app.test/done");
    },
    onFault: (fault) => expect.unreachable(String(fault)),
  });
  const server = createServer((request, response) => void page(request, response)).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/callback?${query}`;
  const { status, headers } = await fetch(url, { redirect: "manual" });
  expect([status, headers.get("location")]).toEqual([302, "https://app.test/done"]);
  expect(Object.fromEntries(came ?? [])).toEqual(told);
});
