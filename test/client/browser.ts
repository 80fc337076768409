/** Chromium, where this machine has it, with the client loaded into its pages. */
import { type Browser, chromium, type Page } from "playwright-core";
import type * as WebClient from "../../src/client/web.ts";
import { findProgram } from "../../src/demo/observe/program.ts";
import { type PageServer, pageServer } from "./page-server.ts";

declare global {
  /** In a page: the client's entry for browsers. */
  var connectorService: typeof WebClient;
}

/** Undefined where this machine has no browser that can be driven. */
export const chromiumFile =
  (await findProgram("chromium")) ?? (await findProgram("chromium-browser")) ?? (await findProgram("google-chrome"));

export interface Pages {
  /** The origin of a page under a name of this machine. */
  originOf(host: "localhost" | "127.0.0.1"): string;
  /** A page of that origin, with the client loaded. */
  open(host: "localhost" | "127.0.0.1"): Promise<Page>;
  close(): Promise<void>;
}

/** Serves the pages; the browser itself starts with the first that is opened. */
export async function startPages(): Promise<Pages> {
  const server: PageServer = await pageServer();
  let browser: Promise<Browser> | undefined;
  const originOf = (host: string) => `http://${host}:${server.port}`;
  return {
    originOf,
    async open(host) {
      // As root it has no sandbox; what it loads is ours.
      browser ??= chromium.launch({ executablePath: chromiumFile as string, args: ["--no-sandbox"] });
      const page = await (await browser).newPage();
      const failed = new Promise<never>((_, reject) => page.once("pageerror", reject));
      await page.goto(originOf(host));
      await Promise.race([failed, page.waitForFunction(() => "connectorService" in globalThis)]);
      return page;
    },
    async close() {
      await (await browser)?.close();
      await server.close();
    },
  };
}
