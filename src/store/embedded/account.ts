/**
 * Who PostgreSQL runs as, and which files that account can reach.
 *
 * PostgreSQL refuses to run as root, so root hands it to an account that is there
 * already. No account is ever made.
 */
import type { Stats } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../failure.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** What a path must allow: to be read, or to be entered or run. */
export type Access = "read" | "execute";

const bits = { read: 4, execute: 1 } as const satisfies Record<Access, number>;

/**
 * The account for PostgreSQL: undefined for whoever runs this process, unless that
 * is root. An existing data directory stays with its owner, since PostgreSQL
 * accepts no other.
 */
export async function serverAccount(data: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await stat(data).catch(() => undefined);
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  // initdb asks for the account's name, so it must be one of the list.
  const accounts = parseAccounts(await readFile("/etc/passwd", "utf8"));
  const account = accounts.get("postgres") ?? accounts.get("nobody");
  if (account !== undefined) return account;
  throw new Failure("unsupported", "PostgreSQL can't run as root, and this system has no account to run it as.", {
    where: "service",
    remedy: "Run the service as a normal user, or set DATABASE_URL.",
  });
}

/** name → account, out of the text of `/etc/passwd` (passwd(5)). */
function parseAccounts(text: string): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of text.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && uid && gid && uid !== "0") accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

/**
 * The first path, from the root on, that keeps the account from `target`; undefined
 * when it gets there. Goes by the modes alone, as PostgreSQL runs with no groups
 * but its own.
 */
export async function firstBarrier(
  target: string,
  access: Access,
  account: Account | undefined,
): Promise<string | undefined> {
  if (account === undefined) return undefined;
  const real = await realpath(target);
  for (const ancestor of ancestors(real)) {
    if (!permits(await stat(ancestor), "execute", account)) return ancestor;
  }
  return permits(await stat(real), access, account) ? undefined : real;
}

/** The directories above a path, the root first. */
function ancestors(child: string): string[] {
  const parent = path.dirname(child);
  return parent === child ? [] : [...ancestors(parent), parent];
}

function permits({ uid, gid, mode }: Stats, access: Access, account: Account): boolean {
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & bits[access]) !== 0;
}
