/** A server that speaks MySQL's protocol as far as a test wants it to. */
import type { Socket } from "node:net";

/** A packet: its size, its number, its body. A text is one byte for each character. */
export function packet(number: number, ...body: (Buffer | string | number[])[]): Buffer {
  const content = Buffer.concat(
    body.map((part) => (Array.isArray(part) ? Buffer.from(part) : Buffer.from(part as string, "latin1"))),
  );
  const header = Buffer.alloc(4);
  header.writeUIntLE(content.length, 0, 3);
  header[3] = number;
  return Buffer.concat([header, content]);
}

/** A text and its length, below 251. */
export const sized = (text: string) => Buffer.from(`${String.fromCharCode(text.length)}${text}`, "latin1");

export const scramble = "0123456789abcdefghij";

/** What a server can do that is as old as it may be: all but TLS. */
const usual = 0x00_3f_a2_0c;
const tls = 0x800;

export interface Greeting {
  readonly version?: string;
  readonly method?: string;
  readonly tls?: boolean;
}

export function greeting({ version = "8.4.0", method = "mysql_native_password", tls: offers = false }: Greeting = {}) {
  const can = (usual | 1 | (offers ? tls : 0)) >>> 0;
  return packet(
    0,
    ...[[10], `${version}\0`, [7, 0, 0, 0], scramble.slice(0, 8), [0], [can & 255, (can >> 8) & 255], [45], [2, 0]],
    ...[[(can >> 16) & 255, (can >> 24) & 255], [21], Array(10).fill(0), `${scramble.slice(8)}\0`, `${method}\0`],
  );
}

export const ok = (number: number) => packet(number, [0, 0, 0, 2, 0, 0, 0]);
const endOfFile = (number: number) => packet(number, [0xfe, 0, 0, 2, 0]);

/** The end of a result, by number. */
export const endAt = endOfFile;

/** A column of text. */
export function column(number: number, name: string): Buffer {
  const texts = ["def", "", "", "", name, ""].map(sized);
  return packet(number, ...texts, [12, 45, 0, 0, 4, 0, 0, 0xfd, 0, 0, 0, 0, 0]);
}

/** One row of text, as COM_QUERY gives it. */
export function textResult(...cells: string[]): Buffer {
  const columns = cells.map((_, i) => column(2 + i, `c${i}`));
  const after = 2 + cells.length;
  return Buffer.concat([
    ...[packet(1, [cells.length]), ...columns, endOfFile(after)],
    ...[packet(after + 1, ...cells.map(sized)), endOfFile(after + 2)],
  ]);
}

/** What a statement takes and gives: no parameters, and columns of text. */
export function prepared(...names: string[]): Buffer {
  const columns = names.map((name, i) => column(2 + i, name));
  const head = packet(1, [0, 1, 0, 0, 0, names.length, 0, 0, 0, 0, 0, 0]);
  return names.length === 0 ? head : Buffer.concat([head, ...columns, endOfFile(2 + names.length)]);
}

/** The head of a result of text, whose rows begin with the next number. */
export function described(...names: string[]): { bytes: Buffer; next: number } {
  const columns = names.map((name, i) => column(2 + i, name));
  const after = 2 + names.length;
  return { bytes: Buffer.concat([packet(1, [names.length]), ...columns, endOfFile(after)]), next: after + 1 };
}

/** A row of text in the binary form, of fewer than seven columns. */
export const row = (number: number, ...cells: string[]) => packet(number, [0, 0], ...cells.map(sized));

/** A command as it was heard: its first byte and the rest. */
export interface Command {
  readonly code: number;
  readonly text: string;
}

/** Calls back for every packet that comes, and writes what is answered. */
export function answering(socket: Socket, answer: (body: Buffer, number: number) => Buffer | undefined): void {
  let heard = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
    for (;;) {
      const end = heard.length < 4 ? Number.POSITIVE_INFINITY : 4 + heard.readUIntLE(0, 3);
      if (heard.length < end) return;
      const answered = answer(heard.subarray(4, end), heard[3] as number);
      heard = heard.subarray(end);
      if (answered !== undefined) socket.write(answered);
    }
  });
}

/**
 * Lets anybody in and answers every command with success, but for what the test answers.
 *
 * @param answer to a command; undefined for what a server says that does as it is told
 */
export function obeying(socket: Socket, answer: (command: Command) => Buffer | undefined = () => undefined): void {
  let loggedIn = false;
  socket.write(greeting());
  answering(socket, (body, number) => {
    if (!loggedIn) {
      loggedIn = true;
      return ok(number + 1);
    }
    const command = { code: body[0] as number, text: body.toString("latin1", 1) };
    const own = answer(command);
    if (own !== undefined) return own;
    return command.text.startsWith("SELECT CONNECTION_ID()") ? textResult("7", "elsewhere", "8.4.0") : ok(1);
  });
}
