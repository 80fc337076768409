/**
 * Some statements on one connection, sent in one go: those after one that fails are not
 * run. For what changes data, and is too little for its speed to matter.
 */
import type { FieldDef, Submittable } from "pg";
import { DatabaseError, serialize } from "pg-protocol";
import { type PackedBatch, PackedWriter } from "../../rows/packed.ts";
import { areUtf8Together, fieldNotUtf8 } from "../../rows/utf8.ts";
import { tooMuchReturned } from "../query/refused-action.ts";
import { commanding } from "./conversation.ts";
import { packRow } from "./data-row.ts";
import { notUtf8, protocolBroken } from "./protocol.ts";
import type { RowSink, WireConnection } from "./wire.ts";

export interface Command {
  readonly text: string;
  /** In the text form of their types. */
  readonly parameters?: readonly string[];
}

/** What one of them answered. */
export interface Answer {
  /** `INSERT 0 5`, `UPDATE 5`, `BEGIN`; empty for an empty statement. */
  readonly tag: string;
  /** Rows that it touched, or gave; 0 for what does neither. */
  readonly rowCount: number;
  readonly fields: readonly FieldDef[];
  /** Its rows, if it gave any. */
  readonly batch: PackedBatch | undefined;
}

export interface CommandsOptions {
  /** Bytes of all rows at most. */
  readonly maxBytes?: number;
  /** What they do can't be taken back: whoever gives up still learns how they ended. */
  readonly decisive?: boolean;
}

/** Runs commands in one go on a connection of the call's own. */
export type RunCommands = (commands: readonly Command[], options?: CommandsOptions) => Promise<readonly Answer[]>;

export class Commands implements Submittable, RowSink {
  /** One for each command, or the error of the first that failed. */
  readonly answers: Promise<readonly Answer[]>;
  /** Settles when the connection is ready for the next. Never fails. */
  readonly settled: Promise<void>;
  /** They were given up, and may have begun what has not ended. */
  broken = false;
  readonly #commands: readonly Command[];
  readonly #options: CommandsOptions;
  readonly #answer = Promise.withResolvers<readonly Answer[]>();
  readonly #settle = Promise.withResolvers<void>();
  readonly #answers: Answer[] = [];
  #connection: WireConnection | undefined;
  #fields: readonly FieldDef[] = [];
  #writer = new PackedWriter();
  #cut = false;
  #bytes = 0;
  #error: Error | undefined;

  constructor(commands: readonly Command[], options: CommandsOptions = {}) {
    this.#commands = commands;
    this.#options = options;
    this.answers = this.#answer.promise;
    this.answers.catch(() => {}); // Whoever gives them up may not wait for them.
    this.settled = this.#settle.promise;
  }

  discard(error: Error): void {
    this.broken = true;
    if (!this.#options.decisive) this.#answer.reject(error);
  }

  // What follows is called by pg.

  submit(connection: unknown): undefined {
    const wire = connection as WireConnection;
    this.#connection = wire;
    wire.expect(commanding(this.#commands.length));
    wire.sink = this;
    // pg forgets a failed query before the server is ready again.
    const settle = () => {
      wire.off("readyForQuery", settle).off("end", settle);
      wire.sink = undefined;
      this.#settle.resolve();
    };
    wire.on("readyForQuery", settle).on("end", settle);
    const messages = this.#commands.flatMap(({ text, parameters = [] }) => [
      serialize.parse({ text }),
      serialize.bind({ values: [...parameters] }),
      serialize.describe({ type: "P", name: "" }),
      serialize.execute({}),
    ]);
    wire.socket.write(Buffer.concat([...messages, serialize.sync()]));
  }

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    if (fields.some(({ format }) => format !== "text")) throw protocolBroken();
    this.#fields = fields;
  }

  row(chunk: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > (this.#options.maxBytes ?? Number.POSITIVE_INFINITY)) this.#error ??= tooMuchReturned();
    if (this.#error !== undefined) return;
    if (packRow(this.#writer, this.#fields.length, chunk, start, end)) this.#cut = true;
  }

  endOfChunk(): void {}

  handleCommandComplete({ text }: { text: string }): void {
    const batch = this.#writer.take();
    if (batch !== undefined && (this.#cut || !areUtf8Together(batch))) {
      this.#error ??= notUtf8(this.#fields[fieldNotUtf8(batch, this.#fields.length)]?.name);
    }
    const rowCount = Number(/\d+$/.exec(text)?.[0] ?? 0);
    this.#answers.push({ tag: text, rowCount, fields: this.#fields, batch });
    this.#fields = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: "" });
  }

  handleReadyForQuery(): void {
    if (this.#error !== undefined) {
      this.broken = true;
      this.#answer.reject(this.#error);
    } else this.#answer.resolve(this.#answers);
  }

  handleError(error: DatabaseError | Error): void {
    // A command that was refused leaves the connection as good as it was.
    if (!isRefusal(error)) this.broken = true;
    this.#answer.reject(error);
    if (this.#connection === undefined) this.#settle.resolve();
  }
}

/** The server refuses a command, and goes on; anything more serious ends the connection. */
export function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity === "ERROR";
}
