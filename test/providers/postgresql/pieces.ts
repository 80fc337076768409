/** A socket whose data arrive in pieces of chosen sizes, exactly: TCP would join them again. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** @param sizes of the pieces, one after the other, for as long as there are data */
export function inPieces(socket: Socket, sizes: Iterator<number>): Socket {
  const pieces = new Duplex({
    readableHighWaterMark: 1,
    read: () => socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const end = Math.min(at + (sizes.next().value ?? chunk.length), chunk.length);
      pieces.push(chunk.subarray(at, end));
      at = end;
    }
  });
  socket.on("end", () => pieces.push(null)).on("error", (error) => pieces.destroy(error));
  return Object.assign(pieces, { destroySoon: () => pieces.end(() => pieces.destroy()) }) as unknown as Socket;
}
