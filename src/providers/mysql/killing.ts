/**
 * Stops a statement from a second connection, since the first one is busy with it.
 *
 * Behind a load balancer the second connection may lead to another server, where the
 * same number is another client's: who answers is compared before anything is killed.
 */
import type { Dial } from "../../egress/dial.ts";
import { done, textResult } from "./answers.ts";
import { type LoggedIn, type Login, logIn, openWire } from "./login.ts";
import { command, commands, protocolBroken, ServerError } from "./protocol.ts";
import { quit } from "./session-commands.ts";
import type { SourceWire } from "./wire.ts";

/** Which connection this is, of which server. */
export interface Identity {
  /** The server's number for the connection, in digits. */
  readonly id: string;
  /** What no other server says of itself. */
  readonly server: string;
  /** `10.11.9-MariaDB`, for example: of the server itself, whatever stands in between. */
  readonly version: string;
}

export async function readIdentity(connection: LoggedIn): Promise<Identity> {
  const { wire, isMariaDb } = connection;
  const uuid = isMariaDb ? "''" : "@@server_uuid";
  const text = `SELECT CONNECTION_ID(), CONCAT_WS('/', @@hostname, @@port, @@server_id, @@version, ${uuid}), @@version`;
  const [row] = await wire.ask(command(commands.query, text), textResult(connection));
  const [id, server, version] = row ?? [];
  if (!id || !/^\d+$/.test(id) || !server || !version) throw protocolBroken();
  return { id, server, version };
}

/** The server's word that there is no such connection. */
const unknownThread = 1094;

export interface Killer {
  /**
   * Stops the connection's statement, if it runs one.
   *
   * @throws What the second connection fails with, or when it leads to another server.
   */
  kill(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** @param target whose statements are to be stopped */
export function createKiller(target: Identity, login: Login, password: string, dial: Dial): Killer {
  let opened: Promise<SourceWire> | undefined;

  async function open(signal: AbortSignal): Promise<SourceWire> {
    const connection = await logIn(await openWire(login, dial, signal), login, password, signal);
    const { server } = await readIdentity(connection);
    if (server === target.server) return connection.wire;
    connection.wire.destroy();
    throw new Error("the second connection leads to another server");
  }

  return {
    async kill(signal) {
      opened ??= open(signal);
      const wire = await opened;
      const abort = () => wire.destroy();
      signal.addEventListener("abort", abort, { once: true });
      try {
        await wire.ask(command(commands.query, `KILL QUERY ${target.id}`), done);
      } catch (error) {
        if (!(error instanceof ServerError && error.errno === unknownThread)) throw error;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    close() {
      void opened?.then(
        (wire) => wire.end(quit),
        () => {},
      );
    },
  };
}
