/** Signatures that vendors have published for known requests, and servers that check them by other means. */
import { createHmac } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import { authenticationConfig } from "../../../../src/providers/http/auth/declaration.ts";
import type { HttpRequest } from "../../../../src/providers/http/exchange.ts";
import { call, configured, dial, expectHidden, get, post, secret } from "./setting.ts";

afterEach(() => void vi.useRealTimers());

function signed(config: object, credential: object, request: HttpRequest, at?: number): Promise<HttpRequest> {
  if (at !== undefined) vi.useFakeTimers({ toFake: ["Date"], now: at });
  const authentication = authenticationOf(
    configured({ type: "hmac", ...config }),
    secret({ type: "hmac", ...credential }),
    { dial },
  );
  expectHidden(authentication, [(credential as { secret: string }).secret]);
  return authentication.authorize(request, call());
}

describe("a published example is signed as published", () => {
  /** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
  test("by GitHub: the body alone", async () => {
    const config = { signed: "{body}", headers: { "X-Hub-Signature-256": "sha256={signature}" } };
    const request = await signed(
      config,
      { secret: "It's a Secret to Everybody" },
      post("https://h.test/", "Hello, World!"),
    );
    expect(request.headers["x-hub-signature-256"]).toBe(
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );
  });

  /** https://docs.slack.dev/authentication/verifying-requests-from-slack */
  test("by Slack: a version, the time and the body", async () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const config = {
      signed: "v0:{timestamp}:{body}",
      headers: { "X-Slack-Signature": "v0={signature}", "X-Slack-Request-Timestamp": "{timestamp}" },
    };
    const key = { secret: "8f742231b10e8888abcd99yyyzzz85a5" };
    const { headers } = await signed(config, key, post("https://h.test/", body), 1_531_420_618_000);
    expect(headers["x-slack-request-timestamp"]).toBe("1531420618");
    expect(headers["x-slack-signature"]).toBe("v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
  });

  /** https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security */
  test("by Binance: the query with its time, and the signature behind it", async () => {
    const config = {
      signed: "{query}",
      timestamp: "milliseconds",
      headers: { "X-MBX-APIKEY": "{key_id}" },
      parameters: { timestamp: "{timestamp}", signature: "{signature}" },
    };
    const key = {
      key_id: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
      secret: "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
    };
    const query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000";
    const request = await signed(config, key, get(`https://h.test/api/v3/order?${query}`), 1_499_827_319_559);
    expect(request.url.search).toBe(
      `?${query}&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71`,
    );
    expect(request.headers["x-mbx-apikey"]).toBe(key.key_id);
  });
});

/** https://learn.microsoft.com/en-us/azure/azure-app-configuration/rest-api-authentication-hmac */
test("Azure's scheme hashes the body and signs by a key in base64", async () => {
  const config = {
    ...{ secret_encoding: "base64", encoding: "base64", timestamp: "http_date" },
    signed: "{method}\n{path_and_query}\n{timestamp};{host};{body:sha256:base64}",
    headers: {
      "x-ms-date": "{timestamp}",
      "x-ms-content-sha256": "{body:sha256:base64}",
      authorization:
        "HMAC-SHA256 Credential={key_id}&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
    },
  };
  const key = Buffer.from("a key of any bytes \x00\xff", "latin1");
  const credential = { key_id: "id-1", secret: key.toString("base64") };
  const body = Buffer.from([0, 255, 128, 123, 125]);
  const asked = { ...post("https://h.test:8443/kv/a?api-version=1.0", ""), body };
  const { headers } = await signed(config, credential, asked);

  // As the server's own documentation verifies it: from the request alone.
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toBase64();
  const toSign = `POST\n/kv/a?api-version=1.0\n${headers["x-ms-date"]};h.test:8443;${hash}`;
  const usage = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, usage, false, ["verify"]);
  const signature = Uint8Array.fromBase64(/&Signature=(.+)$/.exec(headers.authorization ?? "")?.[1] ?? "");
  expect(headers["x-ms-content-sha256"]).toBe(hash);
  expect(await crypto.subtle.verify("HMAC", imported, signature, Buffer.from(toSign))).toBe(true);
});

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html */
test("the scheme of Amazon S3 before version 4 signs lines with the method and the date", async () => {
  const config = {
    ...{ algorithm: "sha1", encoding: "base64", timestamp: "http_date" },
    signed: "{method}\n\n\n{timestamp}\n/awsexamplebucket1{path}",
    headers: { Date: "{timestamp}", Authorization: "AWS {key_id}:{signature}" },
  };
  const key = { key_id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const url = "https://awsexamplebucket1.us-west-1.s3.amazonaws.com/photos/puppy.jpg";
  const { headers } = await signed(config, key, get(url), Date.parse("2007-03-27T19:36:42Z"));
  const toSign = `GET\n\n\n${headers.date}\n/awsexamplebucket1/photos/puppy.jpg`;
  expect(headers.date).toBe("Tue, 27 Mar 2007 19:36:42 GMT");
  expect(headers.authorization).toBe(
    `AWS ${key.key_id}:${createHmac("sha1", key.secret).update(toSign).digest("base64")}`,
  );
});

test("each request has a nonce of its own, and what is signed may be sorted and hold headers", async () => {
  const config = {
    ...{ algorithm: "sha512", encoding: "base64url", nonce: "hex", timestamp: "iso8601" },
    signed: "{nonce}|{timestamp}|{url}|{sorted_query}|{header:X-Account}|{header:none}|{body:md5:hex}",
    headers: { "X-Nonce": "{nonce}", "X-Time": "{timestamp}", "X-Signature": "{signature}" },
  };
  const asking = () => signed(config, { secret: "k" }, get("https://h.test/a?b=2&a=1", { "x-account": "7" }));
  const [first, second] = [await asking(), await asking()];
  expect(first.headers["x-nonce"]).toMatch(/^[0-9a-f]{32}$/);
  expect(first.headers["x-nonce"]).not.toBe(second.headers["x-nonce"]);
  expect(first.headers["x-time"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const { "x-nonce": nonce, "x-time": time } = first.headers;
  const toSign = `${nonce}|${time}|https://h.test/a?b=2&a=1|a=1&b=2|7||d41d8cd98f00b204e9800998ecf8427e`;
  expect(first.headers["x-signature"]).toBe(createHmac("sha512", "k").update(toSign).digest("base64url"));
});

test.each([
  [{ signed: "{body}" }, "headers", "{signature}"],
  [{ signed: "{signature}", headers: { x: "{signature}" } }, "signed", "comes of it"],
  [{ signed: "{bodyy}", headers: { x: "{signature}" } }, "signed", "{sorted_query}"],
  [{ signed: "{body:crc32:hex}", headers: { x: "{signature}" } }, "signed", "{body:sha256:hex}"],
  [{ signed: "{constructor}", headers: { x: "{signature}" } }, "signed", "parts that there are"],
  [{ signed: "{body", headers: { x: "{signature}" } }, "signed", "brace"],
  [{ signed: "{body}", headers: { x: "{signature}\r\nx-admin: 1" } }, "headers.x", "printable"],
  [{ signed: "{body}", headers: { Host: "{signature}" } }, "headers.Host", "service sets"],
  [{ signed: "{body}", headers: { "x y": "{signature}" } }, "headers.x y", "name of a header"],
])("a declaration that says no way to sign is refused: %j", (config, field, message) => {
  const issues = authenticationConfig.safeParse({ type: "hmac", ...config }).error?.issues ?? [];
  expect(issues.map(({ path }) => path.join("."))).toEqual([field]);
  expect(issues[0]?.message).toContain(message);
});
