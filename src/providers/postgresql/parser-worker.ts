/** Judges one statement on a thread of its own, which can be ended when it takes too long. */
import { parentPort, workerData } from "node:worker_threads";
import { createJudge } from "./parser.ts";

parentPort?.postMessage(await createJudge()(workerData as string));
