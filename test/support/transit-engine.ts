/** Transit engines that tests change as an operator does: the tests' own, and the one that TEST_VAULT_URL names. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { transitServer } from "./transit.ts";

export interface TransitEngine {
  readonly address: string;
  readonly mount: string;
  /** Of a key of type `aes256-gcm96`, in its first version. */
  readonly key: string;
  /** May do what `deploy/OPERATING.md` says that the service's must, and no more. */
  readonly token: string;
  rotate(): Promise<void>;
  /** The oldest version that still decrypts. */
  decryptFrom(version: number): Promise<void>;
  /** Destroys what came before it, as `npm run keys -- retire` tells to. */
  retireBefore(version: number): Promise<void>;
  /** The key by the same name, of another type; none when that is undefined. */
  replaceKey(type: string | undefined): Promise<void>;
  /** Whether the engine can delete a key so that it can be restored, which it has been now. */
  softDelete(): Promise<boolean>;
  revokeToken(): Promise<void>;
  stop(): Promise<void>;
}

export async function ownEngine(): Promise<TransitEngine> {
  const [mount, key] = ["team/transit", "connectors"];
  const server = await transitServer(mount, key);
  return {
    ...{ address: server.address, mount, key, token: server.token, stop: server.stop },
    rotate: async () => server.rotate(),
    async decryptFrom(version) {
      server.minDecryptionVersion = version;
    },
    async retireBefore(version) {
      server.minDecryptionVersion = version;
    },
    async replaceKey(type) {
      server.type = type;
    },
    async softDelete() {
      server.softDeleted = true;
      return true;
    },
    async revokeToken() {
      server.token = randomUUID();
    },
  };
}

/** Undefined where no variable names one. */
export const namedEngine = process.env.TEST_VAULT_URL === undefined ? undefined : realEngine;

/** A mount, a policy and a token of its own in HashiCorp Vault or OpenBao, all of which `stop` removes. */
async function realEngine(): Promise<TransitEngine> {
  const { TEST_VAULT_URL: url = "", TEST_VAULT_TOKEN: administrator = "" } = process.env;
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/v1/${path}`, {
      ...{ method, headers: { "X-Vault-Token": administrator } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, content: text === "" ? {} : JSON.parse(text) };
  };
  const done = async (...question: Parameters<typeof ask>) => {
    const { status, text, content } = await ask(...question);
    if (status >= 300) throw new Error(`${question[0]} ${question[1]}: ${status} ${text}`);
    return content;
  };

  const name = `connector-tests-${randomUUID()}`;
  const [mount, key] = [`${name}/transit`, "connectors"];
  const path = `${mount}/keys/${key}`;
  await done("POST", `sys/mounts/${mount}`, { type: "transit" });
  await done("POST", path, { type: "aes256-gcm96" });
  await done("PUT", `sys/policies/acl/${name}`, { policy: await documentedPolicy(mount) });
  const role = { policies: [name], no_default_policy: true, ttl: "30m" };
  const token: string = (await done("POST", "auth/token/create", role)).auth.client_token;
  return {
    ...{ address: new URL(url).origin, mount, key, token },
    rotate: () => done("POST", `${path}/rotate`),
    decryptFrom: (version) => done("POST", `${path}/config`, { min_decryption_version: version }),
    async retireBefore(version) {
      await done("POST", `${path}/config`, { min_decryption_version: version, min_encryption_version: version });
      await done("POST", `${path}/trim`, { min_available_version: version });
    },
    async replaceKey(type) {
      await done("POST", `${path}/config`, { deletion_allowed: true });
      await done("DELETE", path);
      if (type !== undefined) await done("POST", path, { type });
    },
    softDelete: async () => (await ask("DELETE", `${path}/soft-delete`)).status === 200,
    revokeToken: () => done("POST", "auth/token/revoke", { token }),
    async stop() {
      await done("DELETE", `sys/mounts/${mount}`);
      await done("DELETE", `sys/policies/acl/${name}`);
      await ask("POST", "auth/token/revoke", { token });
    },
  };
}

/** What an operator is told to give the service's token, for another mount. */
async function documentedPolicy(mount: string): Promise<string> {
  const text = await readFile(new URL("../../deploy/OPERATING.md", import.meta.url), "utf8");
  const [, policy] = /```hcl\n(path "transit\/encrypt.*?)```/s.exec(text) ?? [];
  if (policy === undefined) throw new Error("deploy/OPERATING.md has no policy for the transit engine.");
  return policy.replaceAll('"transit/', `"${mount}/`);
}
