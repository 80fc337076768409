/** Asks the server what a statement takes and gives, without running it. */
import type { FieldDef, Submittable } from "pg";
import { serialize } from "pg-protocol";
import { describing } from "./conversation.ts";
import type { WireConnection } from "./wire.ts";

export interface Description {
  /** The type of each parameter, as the server infers it. */
  readonly parameterOids: readonly number[];
  readonly fields: readonly FieldDef[];
}

export class Describing implements Submittable {
  readonly answer: Promise<Description>;
  /** Settles when the connection is ready for the next statement. Never fails. */
  readonly settled: Promise<void>;
  broken = false;
  readonly #text: string;
  readonly #answer = Promise.withResolvers<Description>();
  readonly #settle = Promise.withResolvers<void>();
  #sent = false;
  #parameterOids: readonly number[] = [];
  #fields: readonly FieldDef[] = [];

  constructor(text: string) {
    this.#text = text;
    this.answer = this.#answer.promise;
    this.settled = this.#settle.promise;
  }

  discard(error: Error): void {
    this.broken = true;
    this.#answer.reject(error);
  }

  // What follows is called by pg.

  submit(connection: unknown): undefined {
    const wire = connection as WireConnection;
    this.#sent = true;
    wire.expect(describing);
    const parameters = ({ dataTypeIDs }: { dataTypeIDs: number[] }) => {
      this.#parameterOids = dataTypeIDs;
    };
    // pg itself has no use for this message, and forgets a failed query before the server is ready again.
    const settle = () => {
      wire.off("parameterDescription", parameters).off("readyForQuery", settle).off("end", settle);
      this.#settle.resolve();
    };
    wire.on("parameterDescription", parameters).on("readyForQuery", settle).on("end", settle);
    wire.socket.write(
      Buffer.concat([
        serialize.parse({ text: this.#text }),
        serialize.describe({ type: "S", name: "" }),
        serialize.sync(),
      ]),
    );
  }

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    this.#fields = fields;
  }

  handleReadyForQuery(): void {
    this.#answer.resolve({ parameterOids: this.#parameterOids, fields: this.#fields });
  }

  handleError(error: Error): void {
    this.broken = true;
    this.#answer.reject(error);
    if (!this.#sent) this.#settle.resolve();
  }
}
