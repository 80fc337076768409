/** What APIs answer when they are asked beside the service. */
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { json } from "node:stream/consumers";

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON by POST. Default: a GET. */
  readonly body?: object;
  /** In PEM, of the authority that has signed the server's certificate. */
  readonly ca?: string;
}

/** The rows that stand in an answer behind these names; one that is no list is the only one. */
export async function answerOf(
  url: string,
  names: readonly string[] = [],
  asking: Asking = {},
): Promise<readonly unknown[]> {
  const { body, headers, ...more } = asking;
  const { request } = url.startsWith("https:") ? https : http;
  const posted = body === undefined ? {} : { "content-type": "application/json" };
  const method = body === undefined ? "GET" : "POST";
  const sent = request(url, { ...more, method, headers: { ...headers, ...posted }, agent: false });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let answer = await json(response);
  for (const name of names) answer = (answer as Record<string, unknown>)[name];
  return Array.isArray(answer) ? answer : [answer];
}
