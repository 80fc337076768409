/**
 * A process that owns a built-in PostgreSQL, for tests that kill it.
 *
 * Says one line of JSON when it is up ({ url, pid }) or was refused ({ kind,
 * message, remedy }); stops the server when its input ends.
 */
import { Failure } from "../../src/failure.ts";
import { startEmbedded } from "../../src/store/embedded.ts";

const [directory = ""] = process.argv.slice(2);
try {
  const embedded = await startEmbedded({ directory });
  console.log(JSON.stringify({ url: embedded.url, pid: embedded.pid }));
  process.stdin.resume().once("end", () => embedded.stop());
} catch (cause) {
  if (!(cause instanceof Failure)) throw cause;
  console.log(JSON.stringify({ kind: cause.kind, message: cause.message, remedy: cause.remedy }));
}
