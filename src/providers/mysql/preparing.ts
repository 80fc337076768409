/** Statements that a connection has prepared, the latest of which are kept. */
import { LRUCache } from "lru-cache";
import { type Agreed, Columns } from "./answers.ts";
import type { Column } from "./column.ts";
import { command, commands, protocolBroken } from "./protocol.ts";
import type { Answer, SourceWire } from "./wire.ts";

export interface Prepared {
  readonly id: number;
  readonly parameters: number;
  /** As they are known before it runs, which may make others of them. */
  readonly columns: readonly Column[];
}

/** Statements kept for each connection: a server has room for 16,382 of all clients by default. */
const maxKept = 32;
const headerBytes = 12;

export class PreparedStatements {
  readonly #wire: SourceWire;
  readonly #agreed: Agreed;
  readonly #kept: LRUCache<string, Prepared>;
  /** Those that the server may forget; it is told with the next command. */
  readonly #evicted: number[] = [];

  constructor(wire: SourceWire, agreed: Agreed) {
    this.#wire = wire;
    this.#agreed = agreed;
    this.#kept = new LRUCache({
      max: maxKept,
      dispose: ({ id }, _text, reason) => {
        if (reason === "evict") this.#evicted.push(id);
      },
    });
  }

  /** @throws ServerError for a statement that the server does not take */
  async prepare(text: string): Promise<Prepared> {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    for (const id of this.#evicted.splice(0)) this.#wire.tell(closing(id));
    const prepared = await this.#wire.ask(command(commands.prepare, text), preparation(this.#agreed));
    this.#kept.set(text, prepared);
    return prepared;
  }

  /** The server has forgotten all of them. */
  clear(): void {
    this.#kept.clear();
    this.#evicted.length = 0;
  }
}

function closing(id: number): Buffer {
  const body = Buffer.allocUnsafe(5);
  body[0] = commands.close;
  body.writeUInt32LE(id, 1);
  return body;
}

/** See "COM_STMT_PREPARE Response". */
function preparation(agreed: Agreed): Answer<Prepared> {
  let id = 0;
  let parameters: Columns | undefined;
  let columns: Columns | undefined;
  const pending: Columns[] = [];
  return {
    packet(bytes, start, end) {
      if (parameters === undefined || columns === undefined) {
        if (bytes[start] !== 0 || end - start < headerBytes) throw protocolBroken();
        id = bytes.readUInt32LE(start + 1);
        columns = new Columns(bytes.readUInt16LE(start + 5), agreed);
        parameters = new Columns(bytes.readUInt16LE(start + 7), agreed);
        pending.push(...[parameters, columns].filter(({ count }) => count > 0));
      } else if (pending[0]?.packet(bytes, start, end)) {
        pending.shift();
      }
      return pending.length > 0 ? undefined : { id, parameters: parameters.count, columns: columns.list };
    },
  };
}
