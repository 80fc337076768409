/** What a user may do at a server that a reader of data should not be able to. */
import { orAborted } from "../../abort.ts";
import { Failure } from "../../failure.ts";

export interface Privileges {
  /** The server's name and version: `PostgreSQL 18.4`. */
  readonly server: string;
  readonly user: string;
  /** Nobody can write at this server, or nobody does by default. */
  readonly readOnlyServer: boolean;
  readonly superuser: boolean;
  readonly mayWrite: boolean;
  /** What reaches beyond the data that was granted: a connector can be told to do without. */
  readonly risks: readonly Risk[];
  /** What is worth knowing. */
  readonly notes: readonly Risk[];
}

export interface Risk {
  /** What it is, as the end of "The user …". */
  readonly is: string;
  /** A statement for the server's administrator. */
  readonly remedy: string;
}

/** `is a superuser, owns 3 tables and …`. */
export function sentenceOf(user: string, risks: readonly Risk[]): string {
  const parts = risks.map(({ is }) => is);
  const last = parts.pop() ?? "";
  return `The user "${user}" ${parts.length === 0 ? last : `${parts.join(", ")} and ${last}`}.`;
}

/** The statements that take the privileges away, or a user without them in its place. */
export function remedyOf(risks: readonly Risk[]): string {
  const statements = [...new Set(risks.map(({ remedy }) => remedy))].join("; ");
  return `Give the connector a user of its own that may only read what it should, or let an administrator run: ${statements}.`;
}

/** Milliseconds for a new connection to tell what its user may do. */
const askMs = 10_000;

/**
 * Refuses a new connection whose user may do much more than read.
 *
 * @param read asks the connection, for so many milliseconds at most
 * @throws Failure `configuration_rejected` that names the privileges, or the signal's reason
 */
export async function refuseRisky(
  read: (timeoutMs: number) => Promise<Privileges>,
  upstream: string,
  signal: AbortSignal,
): Promise<void> {
  const privileges = await orAborted(read(askMs), signal);
  if (privileges.risks.length > 0) throw tooPrivileged(privileges, upstream);
}

export function tooPrivileged({ user, risks }: Pick<Privileges, "user" | "risks">, upstream: string): Failure {
  const message = `${sentenceOf(user, risks)} The connector's policy refuses such a user.`;
  return new Failure("configuration_rejected", message, {
    where: "connector",
    upstream,
    final: true,
    remedy: remedyOf(risks),
  });
}
