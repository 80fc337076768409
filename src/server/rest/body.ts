/** The bodies of requests. */
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { readAllBytes } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";

/** Whether a request's body, if it has one, can be read: JSON, compressed by gzip or not at all. */
export function isReadable(header: Headers): boolean {
  const type = header.get("content-type");
  const encoding = header.get("content-encoding") ?? "identity";
  return (type === null || isJson(type)) && ["identity", compressionGzip.name].includes(encoding);
}

/**
 * All of a body, decompressed.
 *
 * @throws ConnectError `resource_exhausted` when it is larger than may be, as the library does
 */
export async function readBody({ header, body }: UniversalServerRequest, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readAllBytes(body as AsyncIterable<Uint8Array>, maxBytes, header.get("content-length"));
  return header.get("content-encoding") === compressionGzip.name ? compressionGzip.decompress(bytes, maxBytes) : bytes;
}

/** `application/json`, also of some kind and with its character set. */
function isJson(type: string): boolean {
  return /^application\/([\w.-]+\+)?json *(; *charset="?utf-8"?)?$/i.test(type.trim());
}
