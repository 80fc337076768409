/** How a command ends that could not do what it was asked for. */
import { Failure } from "../failure.ts";

/** What was asked for can't be made of the arguments. */
export class UsageError extends Error {}

/**
 * Says what went wrong, and what to do, and sets the exit code: 2 for a wrong argument, else 1.
 * Of what nobody has foreseen only the kind is said: its message may quote a statement.
 *
 * @param undone A sentence on what was not done
 */
export function endWith(error: unknown, usage: string, undone: string): void {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const said = error instanceof Failure ? `${error.message}\n${error.remedy ?? ""}` : unforeseen(error);
  process.stderr.write(`${undone} ${said}\n`);
  process.exitCode = 1;
}

function unforeseen(error: unknown): string {
  const kinds: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    kinds.push("code" in cause && typeof cause.code === "string" ? `${cause.name} ${cause.code}` : cause.name);
  }
  return `This was not foreseen: ${kinds.join(", caused by ") || typeof error}.
See that this version fits the database's, and that nobody has changed its tables or roles.`;
}
