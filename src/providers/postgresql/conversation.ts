/**
 * In which order a server answers. What comes out of turn ends the connection: taken as
 * it comes, a lost or changed message could pass for the end of a result.
 *
 * @see https://www.postgresql.org/docs/18/protocol-flow.html
 */

/** Some messages by their letters: one of them, or any number. */
interface Turn {
  readonly codes: ReadonlySet<number>;
  readonly many: boolean;
}

/** The turns of a script, in which `Ds*` is any number of Ds and ss, and `Tn` either a T or an n. */
export type Script = readonly Turn[];

export function script(text: string): Script {
  return text.split(" ").map((turn) => {
    const letters = turn.replace("*", "");
    return { codes: new Set(Buffer.from(letters)), many: letters !== turn };
  });
}

const errorResponse = "E".charCodeAt(0);
/** Notices, settings and notifications, which may come at any time. */
const asides = new Set(Buffer.from("NSA"));

/** What a server still has to say of what it was asked. */
export class Conversation {
  readonly #turns: Script;
  #at = 0;

  /** @param turns What is expected when all goes well; the last is what comes after an error, too. */
  constructor(turns: Script) {
    this.#turns = turns;
  }

  /** All has been said. */
  get ended(): boolean {
    return this.#at === this.#turns.length;
  }

  /** Whether a message may come now; if so, it has come. */
  accepts(code: number): boolean {
    if (asides.has(code)) return true;
    // The server passes over everything else that it was sent.
    if (code === errorResponse) this.#at = this.#turns.length - 1;
    if (code === errorResponse) return true;
    for (let at = this.#at; at < this.#turns.length; at++) {
      const { codes, many } = this.#turns[at] as Turn;
      if (codes.has(code)) {
        this.#at = many ? at : at + 1;
        return true;
      }
      if (!many) return false;
    }
    return false;
  }
}

/** While nothing is asked, a server may still say that it ends the connection. */
export function mayComeUnasked(code: number): boolean {
  return code === errorResponse || asides.has(code);
}

/** Until the server is ready for the first time: who we are, its settings, and the key to cancel with. */
export const login = script("R* K* Z");

/** A statement is parsed and described. */
export const describing = script("1 t Tn Z");

const command = "1 2 C";
const commandWithRow = "1 2 D C";

/** So many commands, each described, whose rows come without a limit. */
export function commanding(commands: number): Script {
  return script(`${"1 2 Tn D* CI ".repeat(commands)}Z`);
}

/** What is asked of a reading; see `Statement`. */
interface Asked {
  readonly stepwise?: boolean;
  readonly native?: boolean;
}

/** The transaction's begin, the settings, the statement, the transaction's end. */
function readingScript({ stepwise, native }: Asked): Script {
  // The second step that is under way finds the statement at its end; one that is given up has none.
  const rows = stepwise ? "Ds* CI*" : "D* CsI";
  const end = native ? `${command} ${commandWithRow}` : command;
  return script(`${command} ${commandWithRow} 1 2 Tn ${rows} ${end} Z`);
}

const readings = new Map(
  [false, true].flatMap((stepwise) =>
    [false, true].map((native) => [`${stepwise} ${native}`, readingScript({ stepwise, native })] as const),
  ),
);

export function reading({ stepwise = false, native = false }: Asked): Script {
  return readings.get(`${stepwise} ${native}`) as Script;
}
