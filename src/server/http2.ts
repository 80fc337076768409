/** The HTTP/2 half of the port: a server that is given its connections. */
import { createServer, type ServerHttp2Session } from "node:http2";
import type { Half } from "./http1.ts";
import type { Limits } from "./limits.ts";
import type { Listener } from "./router.ts";

// What a client may send before it is read. Requests are small; a slow upload of one needs no more.
const streamWindowBytes = 262_144;
const connectionWindowBytes = 1_048_576;
// What may wait for one client that does not read; above it, its new calls are refused.
const sessionMegabytes = 64;

export function http2Half(limits: Limits, listener: Listener): Half {
  const server = createServer({
    maxSessionMemory: sessionMegabytes,
    // A client whose deadlines pass resets streams: nghttp2 would end its connection, and all other calls on
    // it, at 33 a second. A reset call costs no more than one that is not (CVE-2023-44487 was that it did).
    ...{ streamResetBurst: 5_000, streamResetRate: 1_000 },
    maxSessionRejectedStreams: 5_000,
    settings: {
      maxConcurrentStreams: limits.maxStreamsPerConnection,
      maxHeaderListSize: limits.maxHeaderBytes,
      initialWindowSize: streamWindowBytes,
    },
  });
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(connectionWindowBytes);
    closeWhenIdle(session, limits.idleTimeoutMs);
    if (closing) session.close();
  });
  server.on("request", listener);
  return {
    take: (socket) => server.emit("connection", socket),
    close() {
      closing = true;
      // Sends GOAWAY: calls that run go on, and the client opens no others.
      for (const session of sessions) session.close();
      server.close();
    },
  };
}

/** The timeout runs from the last frame, and a call may be quiet for long. */
function closeWhenIdle(session: ServerHttp2Session, timeoutMs: number): void {
  let open = 0;
  session.on("stream", (stream) => {
    open++;
    stream.once("close", () => open--);
  });
  session.setTimeout(timeoutMs, () => {
    if (open === 0) session.close();
  });
}
