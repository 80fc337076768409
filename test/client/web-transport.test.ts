/** What a page hears of an exchange that breaks off. */
import { expect, test } from "vitest";
import { Code, ConnectorError } from "../../src/client/index.ts";
import { createConnectorClient } from "../../src/client/web.ts";

test.each(["connect", "grpc-web"] as const)(
  "an answer over %s whose body breaks off is unavailable",
  async (protocol) => {
    const types = { connect: "application/proto", "grpc-web": "application/grpc-web+proto" };
    // As fetch says that the connection was lost.
    const broken = () => new ReadableStream({ pull: (body) => body.error(new TypeError("network error")) });
    const fetch = async () => new Response(broken(), { headers: { "content-type": types[protocol] } });
    const client = createConnectorClient({ url: "https://connectors.example.com", token: "t", protocol, fetch });
    const error = await client.getConnector("c1").then(() => expect.unreachable(), ConnectorError.from);
    expect(error).toMatchObject({ code: Code.Unavailable, message: expect.stringContaining("can't be reached") });
    client.close();
  },
);
