/** A socket to a database server, and the one way to its bytes. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Dial } from "../../egress/dial.ts";
import type { Trust } from "../../egress/tls.ts";

export type TlsMode = "verify_full" | "verify_ca" | "disable";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMode;
  /** Asked for at the server, as far as it is known. */
  readonly database?: string;
  /** Certificates in PEM that sign the server's, instead of those that `trust` knows. */
  readonly ca?: string | undefined;
  /** Default: those that Node trusts. */
  readonly trust?: Trust | undefined;
}

/** Takes what arrives. Its bytes are good until it returns. */
type Receive = (chunk: Buffer) => void;

/** Bytes that a plain socket reads at most at once. */
const inboxBytes = 65_536;

/**
 * Memory that a plain socket reads into, again and again: a buffer of its own for each
 * chunk of a long stream would cost a collection of the whole heap every few hundred.
 */
class Inbox {
  readonly buffer = Buffer.allocUnsafeSlow(inboxBytes);
  receive: Receive | undefined;
  /** What came before anybody would take it. */
  early: Buffer | undefined;

  readonly callback = (size: number): boolean => {
    const chunk = this.buffer.subarray(0, size);
    if (this.receive === undefined) this.early = Buffer.from(chunk);
    else this.receive(chunk);
    // Nothing more is read until the early part is taken.
    return this.receive !== undefined;
  };
}

/** A connected socket and the one way to its bytes. */
export class SourceSocket {
  readonly socket: Socket | TLSSocket;
  readonly #inbox: Inbox | undefined;

  constructor(socket: Socket | TLSSocket, inbox?: Inbox) {
    this.socket = socket;
    this.#inbox = inbox;
  }

  /** From now on `receive` gets what arrives, and what has arrived. */
  receive(receive: Receive): void {
    const inbox = this.#inbox;
    if (inbox !== undefined) {
      inbox.receive = receive;
      if (inbox.early !== undefined) receive(inbox.early);
      inbox.early = undefined;
    }
    // A socket that reads into an inbox has no such event; every other one has.
    this.socket.on("data", receive);
    this.socket.resume();
  }
}

/** A connection that stays as it is dialled, without encryption. Fails as `dial` does. */
export async function dialPlain(target: Parameters<Dial>[0], dial: Dial, signal: AbortSignal): Promise<SourceSocket> {
  const inbox = new Inbox();
  return new SourceSocket(await dial(target, signal, inbox), inbox);
}
