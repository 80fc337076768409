/** A user with a browser: follows redirects, keeps cookies, signs in and says yes on the pages of the OAuth server. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";

export interface Browsing {
  /** Who signs in. Default: `alice`. */
  readonly user?: string;
  /** Says no instead of yes. */
  readonly denies?: boolean;
}

/** Pages to go through at most. */
const maxSteps = 20;

/**
 * Where the server sends the browser in the end: the first address of another origin, with
 * the answer in its query. Nothing is asked of that one.
 */
export async function answerOf(start: URL, { user = "alice", denies = false, ca }: Browsing & { readonly ca: string }) {
  const cookies = new Map<string, string>();
  let next: { url: URL; form?: string } = { url: start };
  for (let step = 0; step < maxSteps; step++) {
    if (next.url.origin !== start.origin) return next.url;
    const response = await ask(next.url, next.form, ca, cookies);
    const { location } = response.headers;
    const page = await text(response);
    if (location !== undefined) {
      next = { url: new URL(location, next.url) };
      continue;
    }
    const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? [];
    const [, action = ""] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    if (prompt === undefined)
      throw new Error(`The OAuth server shows a page of status ${response.statusCode}: ${page}`);
    next = denies
      ? { url: new URL(`${new URL(action, next.url).href}/abort`) }
      : { url: new URL(action, next.url), form: String(new URLSearchParams({ prompt, login: user, password: "x" })) };
  }
  throw new Error(`The OAuth server leads a browser around for more than ${maxSteps} steps.`);
}

async function ask(
  url: URL,
  form: string | undefined,
  ca: string,
  cookies: Map<string, string>,
): Promise<IncomingMessage> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const asking = request(url, {
    method: form === undefined ? "GET" : "POST",
    ca,
    headers: { cookie, ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }) },
  }).end(form);
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  for (const each of response.headers["set-cookie"] ?? []) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
    cookies.set(name, value);
  }
  return response;
}
