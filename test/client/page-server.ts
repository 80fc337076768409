/** Serves the client's source to a browser as it is, without its types; no bundler stands between. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where a browser finds the libraries that the client imports by name. */
const libraries = {
  "@bufbuild/protobuf": "index.js",
  "@bufbuild/protobuf/codegenv2": "codegenv2/index.js",
  "@bufbuild/protobuf/wire": "wire/index.js",
  "@bufbuild/protobuf/wkt": "wkt/index.js",
  "@connectrpc/connect": "index.js",
  "@connectrpc/connect/protocol": "protocol/index.js",
  "@connectrpc/connect/protocol-connect": "protocol-connect/index.js",
  "@connectrpc/connect/protocol-grpc-web": "protocol-grpc-web/index.js",
};

const imports = Object.fromEntries(
  Object.entries(libraries).map(([name, file]) => {
    const library = name.split("/").slice(0, 2).join("/");
    return [name, `/node_modules/${library}/dist/esm/${file}`];
  }),
);

const page = `<!doctype html>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
import * as client from "/src/client/web.ts";
globalThis.connectorService = client;
</script>`;

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function pageServer(): Promise<PageServer> {
  const server = createServer((request, response) => {
    contentOf(request.url ?? "/").then(
      ([type, content]) => response.writeHead(200, { "content-type": type }).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function contentOf(url: string): Promise<[string, string]> {
  const { pathname } = new URL(url, "http://page");
  if (pathname === "/") return ["text/html", page];
  const text = await readFile(path.join(root, pathname), "utf8");
  return ["text/javascript", pathname.endsWith(".ts") ? stripTypeScriptTypes(text) : text];
}
