/**
 * A small server of the transit engine's API, true in what it encrypts: AES-256-GCM with associated data, and versions.
 * What it answers is what Vault and OpenBao do: `test/vault/transit-engine.test.ts` asks both the same.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TransitServer {
  /** `http://127.0.0.1:41234`. */
  readonly address: string;
  /** The token that it takes. */
  token: string;
  /** Answers instead of what it would, for the next requests, in turn. */
  readonly instead: ((response: ServerResponse) => void)[];
  /** Each request's operation, namespace and whether its token was right. */
  readonly requests: { readonly operation: string; readonly namespace: string | undefined }[];
  sealed: boolean;
  /** Makes another version of the key. */
  rotate(): void;
  /** Below it nothing is decrypted. */
  minDecryptionVersion: number;
  /** Undefined while there is no key. */
  type: string | undefined;
  /** As OpenBao does: the key is there, and refuses to work. */
  softDeleted: boolean;
  stop(): Promise<void>;
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message?: string) {
    super(message);
    this.status = status;
  }
}

/** By the token's policy, other than by there being no such token. */
const deniedByPolicy = "1 error occurred:\n\t* permission denied\n\n";

/**
 * @param mount Where the engine is
 * @param key The one key that it has, and that the token's policy is about
 */
export async function transitServer(mount: string, key: string): Promise<TransitServer> {
  const versions = [randomBytes(32)];
  const state = {
    ...{ token: "hvs.test-token", instead: [], requests: [], sealed: false, minDecryptionVersion: 1 },
    ...{ type: "aes256-gcm96", softDeleted: false },
  } as Omit<TransitServer, "address" | "rotate" | "stop">;

  const encrypt = ({ plaintext, associated_data: additional }: Record<string, string>) => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", versions.at(-1) as Buffer, nonce).setAAD(decoded(additional));
    const sealed = [nonce, cipher.update(decoded(plaintext)), cipher.final(), cipher.getAuthTag()];
    return {
      ciphertext: `vault:v${versions.length}:${Buffer.concat(sealed).toString("base64")}`,
      key_version: versions.length,
    };
  };
  const decrypt = ({ ciphertext = "", associated_data: additional }: Record<string, string>) => {
    const [, version = "", text] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? [];
    const bytes = decoded(text);
    // Real ones take v0 for v1.
    const number = Math.max(Number(version), 1);
    const known = versions[number - 1];
    if (known === undefined) throw new Refused(400, "invalid ciphertext: version is too new");
    if (number < state.minDecryptionVersion) {
      throw new Refused(400, "ciphertext or signature version is disallowed by policy (too old)");
    }
    if (bytes.length < 12) throw new Refused(400, "invalid ciphertext length");
    try {
      const decipher = createDecipheriv("aes-256-gcm", known, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(decoded(additional)).setAuthTag(bytes.subarray(-16));
      return {
        plaintext: Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("base64"),
      };
    } catch {
      throw new Refused(400, "cipher: message authentication failed");
    }
  };
  const describe = () => ({
    ...{ name: key, type: state.type, derived: false, latest_version: versions.length },
    ...{ min_decryption_version: state.minDecryptionVersion, soft_deleted: state.softDeleted },
    keys: Object.fromEntries(
      versions
        .map((_, index) => [String(index + 1), 1_700_000_000 + index] as const)
        .slice(state.minDecryptionVersion - 1),
    ),
  });

  const answer = async (request: IncomingMessage): Promise<object> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [, operation = "", name] =
      new RegExp(`^/v1/${mount}/(encrypt|decrypt|keys)/(.+)$`).exec(request.url ?? "") ?? [];
    state.requests.push({ operation, namespace: request.headers["x-vault-namespace"] as string | undefined });
    if (state.sealed) throw new Refused(503, "Vault is sealed");
    if (request.headers["x-vault-token"] !== state.token) throw new Refused(403, "permission denied");
    if (operation === "" || name !== key) throw new Refused(403, deniedByPolicy);
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (state.type === undefined && operation === "keys") throw new Refused(404);
    // To make the key by encrypting is another capability.
    if (state.type === undefined && operation === "encrypt") throw new Refused(403, deniedByPolicy);
    if (state.type === undefined) throw new Refused(400, "encryption key not found");
    if (operation === "keys") return describe();
    if (state.softDeleted) throw new Refused(400, "refusing to use soft-deleted key");
    if (state.type !== "aes256-gcm96") {
      throw new Refused(400, `'[0].associated_data' provided for non-AEAD cipher suite ${state.type}`);
    }
    return operation === "encrypt" ? encrypt(body) : decrypt(body);
  };
  const server = createServer(async (request, response) => {
    const instead = state.instead.shift();
    if (instead !== undefined) return instead(response);
    const [status, body] = await answer(request).then(
      (data) => [200, { data }] as const,
      (error) => [error instanceof Refused ? error.status : 500, { errors: [error.message].filter(Boolean) }] as const,
    );
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rotate: () => void versions.push(randomBytes(32)),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  });
}

function decoded(base64 = ""): Buffer {
  return Buffer.from(base64, "base64");
}
