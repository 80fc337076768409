/** Signatures that AWS has published for known requests, keys and times. */
import { createHash, createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import type { HttpRequest } from "../../../../src/providers/http/exchange.ts";
import { call, configured, dial, get, post, secret } from "./setting.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/** As AWS's test suite of signatures says it (aws-sig-v4-test-suite). */
const suite = {
  ...{ at: "2015-08-30T12:36:00Z", region: "us-east-1", service: "service" },
  credential: { access_key_id: "AKIDEXAMPLE", secret_access_key: exampleSecret },
};

interface Signing {
  readonly at: string;
  readonly region: string;
  readonly service: string;
  readonly payload?: string;
  readonly credential: Readonly<Record<string, string>>;
}

async function signed({ at, credential, ...config }: Signing, request: HttpRequest): Promise<HttpRequest> {
  vi.setSystemTime(new Date(at));
  const type = "aws_sigv4";
  const authentication = authenticationOf(configured({ type, ...config }), secret({ type, ...credential }), { dial });
  return authentication.authorize(request, call());
}

const signatureOf = ({ headers }: HttpRequest) => /Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? "")?.[1];

describe("a request of AWS's test suite is signed as there", () => {
  test.each([
    ["get-vanilla", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    [
      "get-vanilla-query-order-key-case",
      "/?Param2=value2&Param1=value1",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
    [
      "get-unreserved",
      "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ],
    ["get-vanilla-utf8-query", "/?ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"],
    [
      "get-vanilla-empty-query-key",
      "/?Param1=value1",
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ],
  ])("%s", async (_, path, signature) => {
    const request = await signed(suite, get(`https://example.amazonaws.com${path}`));
    expect(signatureOf(request)).toBe(signature);
    expect(request.headers["x-amz-date"]).toBe("20150830T123600Z");
    expect(request.headers).not.toHaveProperty("host");
  });

  test("post-x-www-form-urlencoded", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const request = await signed(suite, post("https://example.amazonaws.com/", "Param1=value1", headers));
    expect(signatureOf(request)).toBe("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
  });
});

test("a request of the documentation of IAM is signed as there", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  const request = get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", headers);
  expect(signatureOf(await signed({ ...suite, service: "iam" }, request))).toBe(
    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  );
});

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
describe("a request of the documentation of S3 is signed as there", () => {
  const s3 = {
    ...{ at: "2013-05-24T00:00:00Z", region: "us-east-1", service: "s3" },
    credential: {
      access_key_id: "AKIAIOSFODNN7EXAMPLE",
      secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    },
  };
  const bucket = "https://examplebucket.s3.amazonaws.com";

  test.each([
    [
      "GET Object",
      `${bucket}/test.txt`,
      { range: "bytes=0-9" },
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "GET Bucket Lifecycle",
      `${bucket}/?lifecycle`,
      {},
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "GET Bucket (List Objects)",
      `${bucket}/?max-keys=2&prefix=J`,
      {},
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ])("%s", async (_, url, headers, signature) => {
    const request = await signed(s3, get(url, headers));
    expect(signatureOf(request)).toBe(signature);
    expect(request.headers["x-amz-content-sha256"]).toBe(createHash("sha256").digest("hex"));
  });

  test("PUT Object, whose name has to be written in one way", async () => {
    const headers = { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" };
    const put = { ...post(`${bucket}/test$file.text`, "Welcome to Amazon S3.", headers), method: "PUT" };
    const request = await signed(s3, put);
    expect(request.url.pathname).toBe("/test%24file.text");
    expect(signatureOf(request)).toBe(expectedFor(request, s3.credential.secret_access_key));
  });
});

/** What the signature must be, by another hand: the steps of AWS's documentation, one after the other. */
function expectedFor({ method, url, headers, body }: HttpRequest, key: string): string {
  const [, date = "", region = "", service = "", names = ""] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+),/.exec(
      headers.authorization ?? "",
    ) ?? [];
  const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
  const sent: Record<string, string> = { ...headers, host: url.host };
  const hash = headers["x-amz-content-sha256"] ?? sha256(body ?? "");
  const lines = names
    .split(";")
    .map((name) => `${name}:${sent[name]}\n`)
    .join("");
  const query = url.search.slice(1).split("&").sort().join("&");
  // Written in percent signs as it is sent, and for all but S3 once more.
  const path = service === "s3" ? url.pathname : url.pathname.split("/").map(encodeURIComponent).join("/");
  const canonical = [method, path, query, lines, names, hash].join("\n");
  const scope = [date, region, service, "aws4_request"];
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope.join("/"), sha256(canonical)].join("\n");
  const signingKey = scope.reduce<string | Buffer>(
    (by, part) => createHmac("sha256", by).update(part).digest(),
    `AWS4${key}`,
  );
  return createHmac("sha256", signingKey).update(toSign).digest("hex");
}

test.each([
  ["a session token", { session_token: "AQoDYXdzEPT//////////wEXAMPLE" }, {}, "x-amz-security-token"],
  ["a body that is left out", {}, { payload: "unsigned", service: "s3" }, "x-amz-content-sha256"],
])("%s is signed for, too", async (_, more, config, header) => {
  const signing = { ...suite, ...config, credential: { ...suite.credential, ...more } };
  const request = await signed(signing, post("https://host.test:8443/a%20b/(c)?z=1&a=x+y&a='2'", "secret body"));
  expect(signatureOf(request)).toBe(expectedFor(request, exampleSecret));
  expect(request.headers.authorization).toContain(header);
  expect(request.headers[header]).toBe(Object.values(more)[0] ?? "UNSIGNED-PAYLOAD");
  expect(request.url.search).toBe("?z=1&a=x%20y&a=%272%27");
});

test("what proxies change on its way is not signed, and is sent all the same", async () => {
  const { headers } = await signed(suite, get("https://host.test/", { "accept-encoding": "gzip", "user-agent": "me" }));
  expect(headers).toMatchObject({ "accept-encoding": "gzip", "user-agent": "me" });
  expect(headers.authorization).toContain("SignedHeaders=host;x-amz-date,");
});
