/** Processes of a benchmark that answer commands. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

interface Request {
  readonly id: number;
  readonly command: string;
  readonly input: unknown;
}

interface Response {
  readonly id: number;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** How Node runs the service: a process that is one of a benchmark's services is to be no other. */
export function serviceFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  return scripts.start.match(/exec node (--.*) src\//)[1].split(" ");
}

/** Another Node process. */
export class Child {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #id = 0;

  /**
   * Starts a module that calls `answerCommands`.
   *
   * @param flags Node's own. Default: those that it was started with itself
   */
  constructor(module: URL, flags: readonly string[] = process.execArgv) {
    // What a child prints must not get between the lines of --json.
    this.#process = fork(module, {
      serialization: "advanced",
      execArgv: [...flags],
      stdio: ["ignore", 2, 2, "ipc"],
      env: { ...process.env, TZ: "UTC" },
    });
    this.#process.on("message", (message) => this.#settle(message as Response));
    this.#process.on("exit", (code) => this.#exited(code));
  }

  call<Output>(command: string, input?: unknown): Promise<Output> {
    const id = this.#id++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#process.send({ id, command, input } satisfies Request);
    return waiting.promise as Promise<Output>;
  }

  /** Lets the child end by itself. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.disconnect();
    await exited;
  }

  #settle({ id, output, error }: Response): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(output);
    else waiting?.reject(error);
  }

  #exited(code: number | null): void {
    for (const waiting of this.#waiting.values())
      waiting.reject(new Error(`A benchmark's process ended with ${code}.`));
    this.#waiting.clear();
  }
}

type Commands = Readonly<Record<string, (input: never) => unknown>>;

/** Answers the parent's commands until it lets go, then cleans up and exits. */
export function answerCommands(commands: Commands, close: () => Promise<void> = async () => undefined): void {
  process.on("message", async ({ id, command, input }: Request) => {
    try {
      const answer = commands[command] as (input: unknown) => unknown;
      process.send?.({ id, output: await answer(input) } satisfies Response);
    } catch (error) {
      process.send?.({ id, error } satisfies Response);
    }
  });
  process.on("disconnect", () => {
    void close().finally(() => process.exit());
  });
}
