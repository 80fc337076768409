/**
 * How a user proves to be one. The proofs are mysql2's; which of them a server gets is
 * decided here: never the password to one that has not shown who it is.
 */
import { authPlugins } from "mysql2";
import { Failure } from "../../failure.ts";
import { answers, notMysql } from "./protocol.ts";
import type { Answer, SourceWire } from "./wire.ts";

export interface Proofs {
  readonly password: string;
  /** The server has shown who it is, and nobody else reads what it is sent. */
  readonly encrypted: boolean;
  /** The key of the server's own, in PEM, for a password on a connection without TLS. */
  readonly serverPublicKey?: string | undefined;
}

/** Answers what the server sends for a method, one piece after the other. */
type Method = (data: Buffer) => Buffer | null;

/** Says what a server gets that asks for a method. */
const methods: Readonly<Record<string, (proofs: Proofs) => Method>> = {
  mysql_native_password: ({ password }) => plugin(authPlugins.mysql_native_password({ password }), password),
  caching_sha2_password: (proofs) => {
    const { password, encrypted, serverPublicKey } = proofs;
    const method = plugin(
      authPlugins.caching_sha2_password({
        overrideIsSecure: encrypted,
        ...(serverPublicKey === undefined ? {} : { serverPublicKey }),
      }),
      password,
    );
    return (data) => {
      if (wantsPassword(data) && !encrypted && serverPublicKey === undefined) throw wantsUnencrypted();
      return method(data);
    };
  },
  sha256_password:
    ({ password, encrypted }) =>
    () => {
      if (!encrypted) throw wantsUnencrypted();
      return Buffer.from(`${password}\0`);
    },
};

/** A server that remembers the password no more, and asks for it. */
function wantsPassword(data: Buffer): boolean {
  return data.length === 1 && data[0] === 4;
}

/** What mysql2 makes of a connection to get the password from; its methods ask for nothing else. */
function plugin(make: ReturnType<typeof authPlugins.mysql_native_password>, password: string): Method {
  const connection = { config: { password } } as unknown as Parameters<typeof make>[0]["connection"];
  return make({ connection, command: {} as string }) as Method;
}

/** The method that is begun with: the server's own, or the one that every server knows. */
export function firstMethod(wanted: string, encrypted: boolean): string {
  const possible = Object.hasOwn(methods, wanted) && (encrypted || wanted !== "sha256_password");
  return possible ? wanted : "mysql_native_password";
}

/** Takes what the server says of a login until it lets us in. */
export class Authentication implements Answer<true> {
  readonly #wire: SourceWire;
  readonly #proofs: Proofs;
  #method: Method | undefined;

  constructor(wire: SourceWire, proofs: Proofs) {
    this.#wire = wire;
    this.#proofs = proofs;
  }

  /** The first proof, by a method that there is. */
  begin(method: string, scramble: Buffer): Buffer {
    return this.#prove(method, scramble) ?? Buffer.alloc(0);
  }

  packet(bytes: Buffer, start: number, end: number): true | undefined {
    const kind = bytes[start];
    if (kind === answers.ok) return true;
    if (kind === answers.endOfFile) this.#switch(bytes, start + 1, end);
    else if (kind === answers.moreData && this.#method !== undefined) this.#goOn(this.#method, bytes, start + 1, end);
    else throw notMysql();
    return undefined;
  }

  /** Another method than the one that was begun with. */
  #switch(bytes: Buffer, start: number, end: number): void {
    const stop = bytes.indexOf(0, start);
    // Without a name it is the method of MySQL 4.0, which anybody can undo.
    const isNamed = stop > start && stop < end;
    const method = isNamed ? bytes.toString("latin1", start, stop) : "mysql_old_password";
    const proof = this.#prove(method, scrambleOf(bytes.subarray(stop + 1, end)));
    this.#wire.send(proof ?? Buffer.alloc(0));
  }

  #goOn(method: Method, bytes: Buffer, start: number, end: number): void {
    const proof = tried(() => method(Buffer.from(bytes.subarray(start, end))));
    if (proof !== null) this.#wire.send(proof);
  }

  #prove(method: string, scramble: Buffer): Buffer | null {
    if (!Object.hasOwn(methods, method)) throw unsupported(method);
    this.#method = methods[method]?.(this.#proofs);
    return tried(() => this.#method?.(scramble) ?? null);
  }
}

/** Twenty bytes and a NUL, of which a server that wants nothing good may send less. */
function scrambleOf(data: Buffer): Buffer {
  if (data.length < 20) throw notMysql();
  return Buffer.from(data.subarray(0, 20));
}

/** mysql2 throws plain errors at what is not in order, and OpenSSL at a key that is none. */
function tried<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Failure ? error : notMysql(error);
  }
}

const safer = 'Set "tls" to "verify_full" in the connector';

function wantsUnencrypted(): Failure {
  const why = "it is wrong, or has not been used since the server started";
  return new Failure("credential_rejected", `The server asks for the password itself, without TLS: ${why}.`, {
    where: "credential",
    upstream: "mysql",
    remedy: `Check the password. If it is right: ${safer}, or give the server's public key as \`config.server_public_key\` for a user of caching_sha2_password.`,
  });
}

/** Methods that send the password itself, or that no password answers. */
function unsupported(method: string): Failure {
  const clear = ["mysql_clear_password", "dialog", "mysql_old_password"].includes(method);
  const what = clear ? "in clear text or nearly so, which is refused" : "that is not supported";
  return new Failure("credential_rejected", `The server asks for a way to log in ${what}.`, {
    where: "credential",
    upstream: "mysql",
    remedy:
      "Let the server use caching_sha2_password (MySQL) or mysql_native_password (MariaDB) for this user: ALTER USER … IDENTIFIED …",
  });
}
