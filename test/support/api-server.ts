/**
 * An HTTP API in a process of its own, which a test may freeze and kill. It answers
 *
 *     GET  /known        20 rows with an `id` from 1 and a `text`, the id's MD5 in hexadecimal
 *     GET  /slow_answer  one row whose `answer` is 42, after 0.4 s
 *     GET  /trickle      200 rows as those of /known, with the text eight times, about one a millisecond
 *     POST /orders       places {"order": "…"}, and answers after 0.4 s
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Certificate } from "./certificate.ts";

export interface DoorFigures {
  /** Connections. */
  readonly open: number;
  /** The paths of the requests that are being answered. */
  readonly running: readonly string[];
}

/** What the program is asked for. A port of 0 is any. */
export type ToApi = { readonly id: number; readonly port: number } & (
  | { readonly kind: "open"; readonly certificate: Certificate | undefined }
  | { readonly kind: "figures" | "close" }
);

export type FromApi =
  | { readonly kind: "answer"; readonly id: number; readonly answer?: DoorFigures | number; readonly error?: string }
  | { readonly kind: "ordered"; readonly port: number; readonly order: string };

/** A port of the server, at which nobody else asks. */
export interface ApiDoor {
  readonly port: number;
  figures(): Promise<DoorFigures>;
  /** How often each order was placed here. */
  readonly orders: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export interface ApiServer {
  /** @param certificate for TLS; without it there is none */
  open(certificate?: Certificate): Promise<ApiDoor>;
  /** SIGKILL, SIGSTOP or SIGCONT; the killed one is gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again, at its ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds that a port which was given up may be in use by others. */
const portBackMs = 5_000;

interface Kept {
  readonly certificate: Certificate | undefined;
  readonly orders: Map<string, number>;
}

export function apiServer(): ApiServer {
  const doors = new Map<number, Kept>();
  const ordered = (port: number, order: string) => {
    const orders = doors.get(port)?.orders;
    orders?.set(order, (orders.get(order) ?? 0) + 1);
  };
  let program = start(ordered);

  return {
    async open(certificate) {
      const port = (await program.ask({ kind: "open", port: 0, certificate })) as number;
      const orders = new Map<string, number>();
      doors.set(port, { certificate, orders });
      return {
        ...{ port, orders },
        figures: async () => (await program.ask({ kind: "figures", port })) as DoorFigures,
        async close() {
          await program.ask({ kind: "close", port });
          doors.delete(port);
        },
      };
    },
    kill: (signal) => program.kill(signal),
    async restart() {
      program = start(ordered);
      await Promise.all([...doors].map(([port, { certificate }]) => reopened(port, certificate)));
    },
    stop: () => program.kill("SIGKILL"),
  };

  async function reopened(port: number, certificate: Certificate | undefined): Promise<void> {
    const end = performance.now() + portBackMs;
    for (;;) {
      try {
        await program.ask({ kind: "open", port, certificate });
        return;
      } catch (error) {
        // An outgoing connection of anybody's may have been given the port meanwhile.
        if ((error as Error).message !== "EADDRINUSE" || performance.now() > end) throw error;
        await delay(20);
      }
    }
  }
}

type Question = ToApi extends infer T ? (T extends unknown ? Omit<T, "id"> : never) : never;

function start(ordered: (port: number, order: string) => void) {
  const child: ChildProcess = fork(fileURLToPath(new URL("./api-program.ts", import.meta.url)), { execArgv: [] });
  const waiting = new Map<number, PromiseWithResolvers<DoorFigures | number>>();
  let asked = 0;
  child.on("message", (message: FromApi) => {
    if (message.kind === "ordered") return ordered(message.port, message.order);
    const { id, answer, error } = message;
    if (answer === undefined) waiting.get(id)?.reject(new Error(error));
    else waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  child.once("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("The API has ended."));
  });
  return {
    ask(question: Question): Promise<DoorFigures | number> {
      const answer = Promise.withResolvers<DoorFigures | number>();
      const id = ++asked;
      waiting.set(id, answer);
      child.send({ ...question, id } as ToApi, (error) => error && answer.reject(error));
      return answer.promise;
    },
    async kill(signal: NodeJS.Signals) {
      const gone = child.exitCode !== null || child.signalCode !== null;
      const exit = signal === "SIGKILL" && !gone ? once(child, "close") : undefined;
      child.kill(signal);
      await exit;
    },
  };
}
