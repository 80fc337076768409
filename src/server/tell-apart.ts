/** Finds out by a connection's first bytes which HTTP it speaks. */
import type { Socket } from "node:net";

/** What every HTTP/2 client sends first (RFC 9113, section 3.4); no HTTP/1.1 request begins so. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Takes a connection over, its first bytes included. */
export type TakeOver = (socket: Socket) => void;

/**
 * Hands a connection to the one of the two that speaks its protocol.
 *
 * The bytes may come one at a time. A client that does not get so far within
 * `timeoutMs`, or that goes away, is dropped without an answer.
 */
export function tellApart(socket: Socket, timeoutMs: number, http1: TakeOver, http2: TakeOver): void {
  let head: Buffer = Buffer.alloc(0);
  const drop = () => socket.destroy();
  const timer = setTimeout(drop, timeoutMs);
  const onData = (chunk: Buffer) => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const matches = head.subarray(0, preface.length).equals(preface.subarray(0, head.length));
    // All of the preface, so that the timeout covers all of it.
    if (matches && head.length < preface.length) return;
    forget();
    socket.pause();
    socket.unshift(head);
    if (matches) {
      // Half an HTTP/2 connection is of no use to anybody.
      socket.allowHalfOpen = false;
      http2(socket);
    } else {
      http1(socket);
      socket.resume();
    }
  };
  const forget = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("end", drop).off("close", forget);
  };
  socket.on("data", onData).once("end", drop).once("close", forget);
}
