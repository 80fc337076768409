/** Where sockets to elsewhere come from: the guarded dial, and nothing else of what serves. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** Programs of their own, which hold no credentials of connectors, and what is generated. */
const others = ["cli", "client", "demo", "gen"];

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(source, join(entry.parentPath, entry.name)))
  .filter((name) => !others.includes(name.split("/")[0] ?? ""))
  .map((name) => ({ name, text: readFileSync(join(source, name), "utf8") }));

/** Of Node's own modules, what opens a socket or looks a name up; a module taken whole has all of it. */
const openers = /^(?:connect|createConnection|request|get|Socket|Agent|createSocket|lookup|resolve\w*)$/;
const modules = /^import (?!type\b)([^;]+?) from "node:(?:net|tls|https?|http2|dgram|dns|dns\/promises)";/gm;

function openedBy(text: string): string[] {
  return [...text.matchAll(modules)].flatMap(([, names = ""]) =>
    names.startsWith("{")
      ? names
          .replace(/[{}\s]/g, " ")
          .split(",")
          .map((name) => name.trim().split(" ")[0] ?? "")
          .filter((name) => openers.test(name))
      : [names],
  );
}

test("sockets are opened by the guarded dial, or stand for one that it has opened", () => {
  const found = files.map(({ name, text }) => [name, openedBy(text)] as const).filter(([, names]) => names.length > 0);
  expect(Object.fromEntries(found)).toEqual({
    // The dial itself, the one look-up, and what is spoken on a socket that was dialled.
    ...{ "egress/dial.ts": ["connect"], "egress/resolve.ts": ["lookup"] },
    ...{ "egress/exchange.ts": ["request"], "egress/tls.ts": ["connect"] },
    ...{ "providers/http/agent.ts": ["Agent"], "providers/http/sending.ts": ["request"] },
    // One that was never connected, where there is none.
    "execution/redis-connector.ts": ["Socket"],
    // The service's own database; a free port of this machine for it.
    ...{ "store/socket.ts": ["Socket"], "store/embedded/cluster.ts": ["net"] },
  });
});

test("nothing asks by Node's own fetch, which nobody guards", () => {
  const asking = files.filter(({ text }) => /(?<![.\w])fetch\(|\bglobalThis\.fetch\b/.test(text));
  // Those that are given one: all that is made of the guarded dial.
  const given = ["auth/remote-keys.ts", "providers/http/auth/oauth/fetch.ts", "vault/transit-client.ts"];
  expect(asking.map(({ name }) => name).toSorted()).toEqual(given);
  expect(files.filter(({ text }) => /\bnew (?:WebSocket|EventSource)\b/.test(text))).toEqual([]);
});
