/**
 * A TCP balancer: gives each connection to the next backend in turn, and to the one
 * after it when that refuses. It knows nothing of what passes, so it repeats nothing.
 */
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";

export interface Balancer {
  readonly port: number;
  /** Cuts every connection, and accepts no other. */
  close(): Promise<void>;
}

/** @param backends Their ports on this machine. */
export async function balancer(backends: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, async (client) => {
    track(sockets, client);
    const first = turn++;
    for (let tried = 0; tried < backends.length; tried++) {
      const backend = await connected(backends[(first + tried) % backends.length] as number);
      if (backend === undefined) continue;
      track(sockets, backend);
      join(client, backend);
      return;
    }
    client.resetAndDestroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** A connection, or undefined when it is refused. */
async function connected(port: number): Promise<Socket | undefined> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  }
}

/** What the one says or how it ends, the other hears. */
function join(client: Socket, backend: Socket): void {
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    from.pipe(to);
    from.once("error", () => to.resetAndDestroy()).once("close", () => to.destroySoon());
  }
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on("error", () => {}).once("close", () => sockets.delete(socket));
}
