/** How Redis is connected to: through the guarded dial, with TLS that verifies its name. */
import { Socket } from "node:net";
import { AbstractConnector } from "ioredis";
import type { Dial } from "../egress/dial.ts";
import { encrypt, type Trust } from "../egress/tls.ts";

export interface RedisWay {
  readonly dial: Dial;
  readonly trust: Trust;
  /** Milliseconds until a connection that can't be made is given up. */
  readonly connectMs: number;
}

/** What ioredis makes of the URL, as far as it tells the way; a path or further options in it lead nowhere. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls?: unknown;
  readonly disconnectTimeout: number;
}

/** The class that ioredis makes one of for each client, and asks for a connection again and again. */
export function redisConnector({ dial, trust, connectMs }: RedisWay): new (options: unknown) => AbstractConnector {
  return class extends AbstractConnector {
    readonly #place: Place;
    #connecting = new AbortController();

    constructor(options: unknown) {
      const place = options as Place;
      super(place.disconnectTimeout);
      this.#place = place;
    }

    /** Never fails: ioredis would not try again. A connection that was not made is one that is lost. */
    override async connect(): Promise<Socket> {
      this.#connecting = new AbortController();
      const signal = AbortSignal.any([this.#connecting.signal, AbortSignal.timeout(connectMs)]);
      try {
        this.stream = await this.#open(signal);
        this.stream.on("error", (error) => {
          this.firstError = error;
        });
      } catch (error) {
        this.firstError = error as Error;
        this.stream = new Socket().destroy();
      }
      return this.stream;
    }

    async #open(signal: AbortSignal): Promise<Socket> {
      const { host, port, tls } = this.#place;
      const socket = await dial({ host, port }, signal);
      return tls === undefined ? socket : encrypt(socket, { host, trust }, signal);
    }

    override disconnect(): void {
      this.#connecting.abort(new Error("The connection is not needed any more."));
      if (this.stream?.destroyed === false) super.disconnect();
    }
  };
}
