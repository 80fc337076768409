/** A connection to an engine: the process that has it, seen from the service's. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Bytes } from "../../../rows/copy.ts";
import type { Field } from "../../../rows/field.ts";
import { PackedBatch } from "../../../rows/packed.ts";
import type { Settled } from "../../contract.ts";
import type { Lendable, Running } from "../borrowed.ts";
import type { Row } from "../run.ts";
import type { BatchParts, ErrorParts, Reply, Request, Statement } from "./engine.ts";

export interface EngineConnection extends Lendable {
  readonly isOpen: boolean;
  /** Begins a statement, when none runs; reads as much of it as is asked for. */
  read(statement: Statement): EngineReading;
  answers(): Promise<boolean>;
  close(): void;
}

export interface EngineReading extends Running {
  readonly described: Promise<readonly Field[]>;
}

/**
 * Starts the process.
 *
 * @param module a file whose only work, when it is run as a program, is `serveEngine`
 * @throws What opening the engine throws, or the signal's reason
 */
export async function openConnection(module: string, opening: unknown, signal: AbortSignal): Promise<EngineConnection> {
  signal.throwIfAborted();
  const engine = startProcess(module);
  const stop = () => void engine.kill(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await engine.ask({ ask: "open", opening });
    return connectionTo(engine);
  } catch (error) {
    void engine.kill(error as Error);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function connectionTo(engine: EngineProcess): EngineConnection {
  let reading: EngineReading | undefined;
  const isReading = () => reading !== undefined && !reading.finished;
  return {
    get isOpen() {
      return engine.isAlive;
    },
    get isBusy() {
      return engine.isAlive && (engine.isAsked || isReading());
    },
    async rows({ text, parameters }): Promise<readonly Row[]> {
      return (await engine.ask({ ask: "rows", statement: { text, parameters } })).rows ?? [];
    },
    read(statement) {
      reading = startReading(engine, statement);
      return reading;
    },
    async settle() {
      await engine.ask({ ask: "end" }).catch(() => {}); // A process that is gone works on nothing.
      reading = undefined;
      return "answered";
    },
    async cancel(reason) {
      await engine.kill(reason);
      return "answered" satisfies Settled;
    },
    answers: async () => engine.isAlive,
    close: () => void engine.kill(new Error("The connection is closed.")),
  };
}

function startReading(engine: EngineProcess, statement: Statement): EngineReading {
  let coming: Promise<Reply> | undefined = engine.ask({ ask: "begin", statement });
  let finished = false;
  const described = coming.then(({ columns = [] }) => columns);
  described.catch(() => {}); // Whoever reads the first batch hears of it.
  return {
    described,
    get finished() {
      return finished;
    },
    givenUp: false,
    async next() {
      if (finished) return undefined;
      try {
        const { batch } = await (coming ?? engine.ask({ ask: "next" }));
        finished = batch === undefined;
        return batch && batchOf(batch);
      } catch (error) {
        // What failed runs no more.
        finished = true;
        throw error;
      } finally {
        coming = undefined;
      }
    },
  };
}

interface EngineProcess {
  readonly isAlive: boolean;
  /** It has not answered yet. */
  readonly isAsked: boolean;
  ask(request: Request): Promise<Reply>;
  /** What is asked, and what will be, fails with the reason. Settles when the process is gone. */
  kill(reason: Error): Promise<void>;
}

interface Asked {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

function startProcess(module: string): EngineProcess {
  const child = forked(module);
  let asked: Asked | undefined;
  let ended: Error | undefined;
  const end = (reason: Error) => {
    ended ??= reason;
    asked?.reject(ended);
    asked = undefined;
  };
  const gone = new Promise<void>((resolve) => {
    const leave = (reason: Error) => {
      end(reason);
      resolve();
    };
    child.once("exit", () => leave(lost())).once("error", leave);
  });
  child.on("message", ({ error, ...reply }: Reply) => {
    if (error === undefined) asked?.resolve(reply);
    else asked?.reject(errorOf(error));
    asked = undefined;
  });
  return {
    get isAlive() {
      return ended === undefined;
    },
    get isAsked() {
      return asked !== undefined;
    },
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        asked = { resolve, reject };
        child.send(request, (error) => error && end(error));
      }),
    async kill(reason) {
      end(reason);
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Nothing that the service knows by its environment or its options is the engine's affair. */
function forked(module: string): ChildProcess {
  return fork(fileURLToPath(module), [], {
    ...{ env: {}, execArgv: [], serialization: "advanced", stdio: ["ignore", "ignore", "ignore", "ipc"] },
  });
}

/** As of a server that is gone. */
const lost = () => Object.assign(new Error("The engine's process has ended."), { code: "ECONNRESET" });

function errorOf({ message, properties }: ErrorParts): Error {
  return Object.assign(new Error(message), properties);
}

function batchOf({ rows, bytes, start, cellsStart, cellsEnd, lengthsStart }: BatchParts): PackedBatch {
  return new PackedBatch(rows, new Bytes(Buffer.from(bytes)), start, cellsStart, cellsEnd, lengthsStart, bytes.length);
}
