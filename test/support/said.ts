/** Servers that tell that they are up. */
import { createInterface } from "node:readline";

/**
 * Reads what a program says until a line has the text, and lets the rest of it go.
 *
 * @throws Error with all that it said when it ends before
 */
export async function untilSaid(program: string, output: NodeJS.ReadableStream, text: string): Promise<void> {
  const said: string[] = [];
  for await (const line of createInterface({ input: output })) {
    if (line.includes(text)) {
      output.resume(); // What it says from now on must not fill the pipe.
      return;
    }
    said.push(line);
  }
  throw new Error(`${program} did not start:\n${said.join("\n")}`);
}
