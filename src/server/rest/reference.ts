/**
 * The reference of REST: `/openapi.json`, a page that shows it (`/docs`) and one about the
 * reasons of errors (`/docs/errors`). They need no token and nothing of other hosts.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createAsyncIterable, type UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { ReasonSchema } from "../../gen/connector/v1/error_pb.js";
import { ConnectorService } from "../../gen/connector/v1/service_pb.js";
import type { Answering } from "../router.ts";
import { openApiOf } from "./openapi/document.ts";
import type { Comments } from "./openapi/schemas.ts";
import { reasonsPage, referencePage, startScript } from "./pages.ts";
import { reasonsPath } from "./problem.ts";

/** Says what answers a request; undefined when its path is none of the reference's. */
export type Reference = (verb: string, url: string) => Answering | undefined;

interface Document {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** How long a client may show it without asking: what leads to others may not be older than they are. */
  readonly cache: "no-cache" | "public, max-age=86400";
}

type Documents = Readonly<Record<string, () => Promise<Document>>>;

const html = "text/html; charset=utf-8";
const script = "text/javascript; charset=utf-8";

/** Scripts and styles come from here alone; the page shows its small pictures by `data:`. */
const policy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

/** Made when they are first asked for. */
const documents: Documents = {
  "/openapi.json": async () => documentOf("application/json", JSON.stringify(await openApi())),
  "/docs": async () => documentOf(html, referencePage),
  "/docs/start.js": async () => documentOf(script, startScript),
  "/docs/swagger-ui-bundle.js": () => ofFile(script, import.meta.resolve("swagger-ui-dist/swagger-ui-bundle.js")),
  "/docs/swagger-ui.css": () =>
    ofFile("text/css; charset=utf-8", import.meta.resolve("swagger-ui-dist/swagger-ui.css")),
  [reasonsPath]: async () => documentOf(html, reasonsPage(await reasons())),
};

/** @param pages By their paths. Default: those of this service */
export function createReference(pages: Documents = documents): Reference {
  const made = new Map<string, Promise<Document>>();
  const documentAt = (path: string, make: () => Promise<Document>) => {
    const document = made.get(path) ?? make();
    made.set(path, document);
    // A file that could not be read is read again for the next who asks.
    document.catch(() => made.delete(path));
    return document;
  };
  return (verb, url) => {
    const path = url.split("?", 1)[0] ?? "";
    const make = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (make === undefined) return undefined;
    const answer: UniversalHandlerFn =
      verb === "GET" || verb === "HEAD"
        ? async ({ header }) => answerOf(await documentAt(path, make), header.get("if-none-match"))
        : async () => ({ status: 405, header: new Headers({ allow: "GET, HEAD" }) });
    return { answer, streams: false, asksOnce: true };
  };
}

function answerOf({ type, bytes, etag, cache }: Document, known: string | null) {
  const header = new Headers({
    etag,
    "cache-control": cache,
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  if (known !== null && isKnown(etag, known)) return { status: 304, header };
  header.set("content-type", type);
  header.set("content-length", String(bytes.length));
  return { status: 200, header, body: createAsyncIterable([bytes]) };
}

/** By weak comparison, since balancers that compress make a tag weak (RFC 9110, 13.1.2). */
function isKnown(etag: string, known: string): boolean {
  const tags = known.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}

function documentOf(type: string, content: string | Uint8Array, cache: Document["cache"] = "no-cache"): Document {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { type, bytes, etag: `"${createHash("sha256").update(bytes).digest("base64url")}"`, cache };
}

async function ofFile(type: string, url: string): Promise<Document> {
  return documentOf(type, await readFile(new URL(url)), "public, max-age=86400");
}

async function openApi(): Promise<object> {
  return openApiOf(
    ConnectorService,
    await commentsOfContract(),
    (await reasons()).map(({ name }) => name),
  );
}

async function reasons() {
  const comments = await commentsOfContract();
  // The first one is never sent.
  return ReasonSchema.values.slice(1).map(({ name }) => ({
    name: name.replace(/^REASON_/, ""),
    about: comments(`${ReasonSchema.typeName}.${name}`),
  }));
}

async function commentsOfContract(): Promise<Comments> {
  const file = new URL("../../gen/comments.json", import.meta.url);
  const comments = JSON.parse(await readFile(file, "utf8")) as Record<string, string>;
  return (name) => comments[name] ?? "";
}
