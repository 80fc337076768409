/** APIs at the server that a token was given for: what they say of themselves names that server, not the base URL's. */
import { describe, expect, onTestFinished, test } from "vitest";
import { createPlaces } from "../../../../src/execution/session/places.ts";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import rest from "../../../../src/providers/rest.ts";
import { memoryTokens } from "../../../support/token-store.ts";
import { type Answered, type Asked, queryOf, readPages, type TestApi, testApi } from "../api.ts";
import { callFor, stage, textOf } from "../stage.ts";
import { configured, dial, get, secret } from "./setting.ts";

const type = "oauth2_refresh_token";
const authentication = {
  ...{ type, token_endpoint: "https://login.api.test/token", client_id: "c" },
  instance: { hosts: ["localhost"] },
};
const credential = { type, client_secret: "s3cret", refresh_token: "r" };

/** Tokens for the server, which has another name there than in the base URL. */
function tokensFor({ port }: URL) {
  const tokens = memoryTokens();
  const facts = { instance_url: `http://localhost:${port}` };
  tokens.keep({ accessToken: "canary-token", refreshToken: "r", expireTime: undefined, facts });
  return tokens;
}

const portOf = ({ url }: TestApi) => new URL(url).port;
const shown = ({ asked }: TestApi) => asked.map(({ path, headers }) => [path, headers.host, headers.authorization]);
const byName = (api: TestApi, path: string) => [path, `localhost:${portOf(api)}`, "Bearer canary-token"];

describe("a redirect", () => {
  const redirectedTo = async (location: (port: string) => string) => {
    const api: TestApi = await testApi(({ path }) =>
      path === "/there" ? { json: "there" } : { status: 302, headers: { location: location(portOf(api)) } },
    );
    const tokens = tokensFor(new URL(api.url));
    const { client } = stage(api.url, {
      authentication: authenticationOf(configured(authentication), secret(credential), { dial, tokens }),
    });
    return { api, answer: await textOf(await client.send(get(`${api.url}/here`), callFor())) };
  };

  test.each([
    ["its name", (port: string) => `http://localhost:${port}/there`],
    ["no name", () => "/there"],
  ])("within the server by %s is followed with the credential", async (_, location) => {
    const { api, answer } = await redirectedTo(location);
    expect(answer).toBe('"there"');
    expect(shown(api)).toEqual([byName(api, "/here"), byName(api, "/there")]);
  });

  test("to another server is followed without it", async () => {
    const stranger = await testApi(() => ({ json: "theirs" }));
    const { api, answer } = await redirectedTo(() => `http://localhost:${portOf(stranger)}/there`);
    expect(answer).toBe('"theirs"');
    expect(shown(api)).toEqual([byName(api, "/here")]);
    expect(shown(stranger)).toEqual([["/there", `localhost:${portOf(stranger)}`, undefined]]);
  });
});

describe.each([
  ["next URL", { style: "next_url", next: "/next" }],
  ["header Link", { style: "link" }],
])("a %s", (_, paging) => {
  const pagesBy = async (next: (port: string) => string) => {
    const answer = ({ parameters }: Asked): Answered => {
      if (parameters.has("second")) return { json: { data: [{ id: 2 }] } };
      const url = `${next(portOf(api))}?second`;
      return { headers: { link: `<${url}>; rel="next"` }, json: { data: [{ id: 1 }], next: url } };
    };
    const api: TestApi = await testApi(answer);
    const things = { name: "things", path: "/things", rows: { format: "json", path: "/data" }, paging };
    const fields = [{ name: "id", type: "int32" }];
    const config = rest.config.parse({ base_url: api.url, authentication, resources: [{ ...things, fields }] });
    const session = rest.open(config, rest.credential.parse(credential), {
      ...{ dial, maxConnections: 4, places: createPlaces({ perHost: 10, all: 10 }) },
      tokens: tokensFor(new URL(api.url)),
    });
    onTestFinished(() => session.close());
    return { api, read: readPages(session as Parameters<typeof readPages>[0], queryOf("things"), [1]) };
  };

  test("within the server leads to the next page", async () => {
    const { api, read } = await pagesBy((port) => `http://localhost:${port}/things`);
    expect((await read).rows).toEqual([["1"], ["2"]]);
    expect(shown(api)).toEqual([byName(api, "/things"), byName(api, "/things")]);
  });

  test("to another server is refused", async () => {
    const { api, read } = await pagesBy(() => "http://localhost:1/things");
    await expect(read).rejects.toMatchObject({ kind: "egress_denied" });
    expect(api.asked).toHaveLength(1);
  });
});
