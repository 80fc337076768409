/** A server that speaks PostgreSQL's protocol as it should but for what the test puts in. */
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { openSession } from "../../../src/providers/postgresql/session.ts";
import { rogueServer } from "../../support/service.ts";

/** A message of the server: its letter, its size, its body. A text is one byte for each character. */
export function message(letter: string, ...body: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(body.map((part) => Buffer.from(part as string, "latin1")));
  return Buffer.concat([Buffer.from(letter), int32(content.length + 4), content]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The description of text fields. */
export function textFields(...names: string[]): Buffer {
  const fields = names.map((name) => [`${name}\0`, int32(0), "\0\0", int32(25), "\xff\xff", int32(-1), "\0\0"]);
  return message("T", int32(names.length).subarray(2), ...fields.flat());
}

/** A row of cells; null is null. */
export function row(...cells: (string | null)[]): Buffer {
  const bodies = cells.flatMap((cell) => (cell === null ? [int32(-1)] : [int32(cell.length), cell]));
  return message("D", int32(cells.length).subarray(2), ...bodies);
}

export const welcome = Buffer.concat([message("R", int32(0)), message("K", int32(1), int32(2)), message("Z", "I")]);

/** What of the answers a test may change: those to the caller's own statement and what stands beside them. */
export type Place = "welcome" | "description" | "fields" | "first row" | "row" | "completion" | "ready";
type Change = (place: Place, answer: Buffer) => Buffer;

/** What the caller's own statement gives. */
export const ownRows = [["one"], ["two"]];

/** Answers one connection. Its rows are of one text field, `n`. */
export function speaking(socket: Socket, change: Change): void {
  let heard = Buffer.alloc(0);
  let statement = "";
  let greeted = false;
  let steps = 0;

  function answerTo(letter: string, body: Buffer): Buffer[] {
    if (letter === "P") statement = body.toString("latin1", 1);
    if (letter === "P") return [message("1")];
    if (letter === "B") return [message("2")];
    if (letter === "D" && body[0] === "S".charCodeAt(0)) {
      return [message("t", "\0\0"), change("description", textFields("n"))];
    }
    if (letter === "D") return [change("fields", textFields("n"))];
    if (letter === "E") return executed();
    // Only the reading begins a transaction.
    if (letter === "S") return [steps > 0 ? change("ready", message("Z", "I")) : message("Z", "I")];
    return [];
  }

  function executed(): Buffer[] {
    if (statement.startsWith("BEGIN")) steps = 0;
    if (/^(BEGIN|ROLLBACK)/.test(statement)) return [message("C", `${statement.split("\0")[0]}\0`)];
    if (statement.startsWith("SELECT pg_catalog.")) return [row("x"), message("C", "SELECT 1\0")];
    if (steps++ > 0) return [message("C", "SELECT 0\0")];
    const rows = ownRows.map((cells, i) => change(i === 0 ? "first row" : "row", row(...cells)));
    return [...rows, change("completion", message("C", "SELECT 2\0"))];
  }

  socket.on("data", (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
    const answers: Buffer[] = [];
    for (;;) {
      const head = greeted ? 1 : 0;
      if (heard.length < head + 4) break;
      const end = head + heard.readInt32BE(head);
      if (heard.length < end) break;
      const letter = heard.toString("latin1", 0, head);
      answers.push(...(greeted ? answerTo(letter, heard.subarray(5, end)) : [change("welcome", welcome)]));
      greeted = true;
      heard = heard.subarray(end);
    }
    socket.write(Buffer.concat(answers));
  });
}

/** A session with such a server. */
export async function sessionWithRogue(change: Change): Promise<Required<Session>> {
  const rogue = await rogueServer((socket) => speaking(socket, change));
  const dial = async ({ host, port }: { host: string; port: number }) => {
    const socket = connect(port, host).setNoDelay();
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  };
  const login = { host: "127.0.0.1", port: rogue.port, tls: "disable", database: "d", user: "u" } as const;
  const places = createPlaces({ perHost: 10, all: 10 });
  const session = openSession(login, "password", { dial, maxConnections: 3, places });
  onTestFinished(async () => {
    await session.close();
    await rogue.stop();
  });
  return session as Required<Session>;
}
