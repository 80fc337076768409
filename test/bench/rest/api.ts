/** A process that is the API which is read: documents of 2 KB, a million rows in pages, and answers without end. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerCommands } from "../support/child.ts";
import { batchOf, measurementsFrom } from "./data.ts";

const pageRows = 1_000;

/** Of answers without end: those that go on, and when one last did or ended, in milliseconds since 1970. */
const endless = { open: 0, lastMs: 0 };
let rows = 0;

type Answering = (url: URL, response: ServerResponse) => void;

const answers: Readonly<Record<string, Answering>> = {
  "/items": (url, response) => sendJson(response, batchOf(Number(url.searchParams.get("batch")))),
  "/measurements": (url, response) => {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const to = Math.min(from + pageRows, rows);
    const next = to < rows ? `"${to}"` : "null";
    sendJson(response, `{"data":[${measurementsFrom(from, to)}],"next":${next}}`);
  },
  "/silent": (_, response) => watch(response),
  "/endless": (_, response) => {
    watch(response);
    const page = `${measurementsFrom(0, pageRows, "\n")}\n`;
    const write = () => {
      while (!response.destroyed && response.write(page)) endless.lastMs = nowMs();
    };
    response.on("drain", write);
    write();
  },
};

function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
}

function watch(response: ServerResponse): void {
  endless.open++;
  response.once("close", () => {
    endless.open--;
    endless.lastMs = nowMs();
  });
}

/** On a clock that all processes of this machine have in common. */
const nowMs = () => performance.timeOrigin + performance.now();

function answer({ url = "" }: IncomingMessage, response: ServerResponse): void {
  const asked = new URL(url, "http://api");
  const found = answers[asked.pathname];
  if (found === undefined) response.writeHead(404).end();
  else found(asked, response);
}

answerCommands({
  /** Says at which port it listens. */
  async listen(given: { readonly rows: number }): Promise<number> {
    rows = given.rows;
    const server = createServer({ keepAliveTimeout: 60_000 }, answer).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    return (server.address() as AddressInfo).port;
  },
  endless: () => endless,
});
