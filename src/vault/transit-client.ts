/**
 * Asks the transit engine of HashiCorp Vault or OpenBao over HTTP.
 * Source: developer.hashicorp.com/vault/api-docs, "Transit secrets engine" and "HTTP status codes".
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Failure } from "../failure.ts";

/** As much of `fetch` as is needed, guarded by whoever gives it. */
export type TransitFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface TransitAddress {
  /** Scheme, host and port: `https://vault.example.com:8200`. */
  readonly address: string;
  /** Where the engine is mounted: `transit`. */
  readonly mount: string;
  /** The name of its key. */
  readonly key: string;
  /** Read for every request: whoever renews the token writes it there. */
  readonly tokenFile: string;
  readonly namespace?: string | undefined;
}

/** The engine has understood, and will not do it: what it was asked of is not one of its own. */
export class TransitRefusal extends Error {
  override readonly name = "TransitRefusal";
}

export interface TransitClient {
  /**
   * The `data` of the answer. A blink of the server is waited out, as long as some seconds.
   * @param operation `encrypt`, `decrypt` or `keys`
   * @throws TransitRefusal, or a Failure "service_unavailable" or "internal" that says what to do
   *   and holds neither token nor body
   */
  ask(operation: "encrypt" | "decrypt" | "keys", body?: Readonly<Record<string, string>>): Promise<unknown>;
}

/** For one request, in milliseconds. */
const requestMs = 3_000;
/** A leader that steps down has a successor in less; one that dies may be missed for 10 s and more. */
const usualPausesMs = [100, 400, 1_500, 3_000];
/** Vault's own ones for a standby, and those of a server that can't for the moment. */
const passing = new Set([412, 429, 472, 473, 500, 502, 503, 504]);

/** @param pausesMs Before the second request and those after it, in milliseconds */
export function transitClient(
  address: TransitAddress,
  fetch: TransitFetch,
  pausesMs: readonly number[] = usualPausesMs,
): TransitClient {
  return {
    async ask(operation, body) {
      for (const pauseMs of pausesMs) {
        const answer = await answerTo(address, fetch, operation, body);
        if ("data" in answer) return answer.data;
        if (!answer.passes) throw answer.failure;
        // Replicas that met the same blink must not come back together.
        await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { ref: false });
      }
      const answer = await answerTo(address, fetch, operation, body);
      if ("data" in answer) return answer.data;
      throw answer.failure;
    },
  };
}

type Answer = { readonly data: unknown } | { readonly failure: Error; readonly passes: boolean };

async function answerTo(
  address: TransitAddress,
  fetch: TransitFetch,
  operation: string,
  body: Readonly<Record<string, string>> | undefined,
): Promise<Answer> {
  const headers = await headersOf(address);
  try {
    const response = await fetch(`${address.address}/v1/${address.mount}/${operation}/${address.key}`, {
      ...(body === undefined ? { method: "GET" } : { method: "POST", body: JSON.stringify(body) }),
      headers,
      signal: AbortSignal.timeout(requestMs),
    });
    const content = answerSchema.safeParse(await response.json().catch(() => undefined)).data ?? { data: undefined };
    if (response.ok && content.data !== undefined) return { data: content.data };
    return refusal(response.status, content.errors ?? []);
  } catch (cause) {
    const tls = cause instanceof Failure && cause.kind === "tls_failed";
    return { failure: tls ? untrusted(cause) : unreachable(cause), passes: !tls };
  }
}

const answerSchema = z.object({
  data: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((data) => data ?? undefined),
  errors: z.array(z.string()).optional(),
});

async function headersOf({ tokenFile, namespace }: TransitAddress): Promise<Record<string, string>> {
  const token = await readFile(tokenFile, "utf8").then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      throw wrongToken(`can't be read (${error.code})`);
    },
  );
  if (!/^[\x21-\x7e]+$/.test(token)) throw wrongToken("holds no token");
  return {
    "Content-Type": "application/json",
    "X-Vault-Request": "true",
    "X-Vault-Token": token,
    ...(namespace === undefined ? {} : { "X-Vault-Namespace": namespace }),
  };
}

function refusal(status: number, errors: readonly string[]): Answer {
  const sealed = status === 503 && errors.some((error) => /sealed/i.test(error));
  if (sealed) return { failure: sealedServer(), passes: true };
  if (passing.has(status)) return { failure: unreachable(new Error(`status ${status}`)), passes: true };
  if (status === 403) return { failure: forbidden(), passes: false };
  const says = (what: RegExp) => errors.some((error) => what.test(error));
  if (status === 404 || says(/key not found|no handler for route/i)) return { failure: unknownKey(), passes: false };
  if (says(/soft-deleted key/i)) return { failure: deletedKey(), passes: false };
  // Whoever speaks otherwise is no transit engine.
  if (status !== 400) return { failure: unreachable(new Error(`status ${status}`)), passes: false };
  // A standby that answers by itself hears of the key's next version a moment after the leader made it.
  const passes = says(/version is too new/i);
  return { failure: new TransitRefusal(errors.join("; ").slice(0, 200)), passes };
}

// A caller may read them: where the key service is, and what its key is called, is the operator's to know.

function wrongToken(what: string): Failure {
  return new Failure("internal", `The key service can't be asked: the file of its token ${what}.`, {
    where: "service",
    remedy: "Operators: see that VAULT_TOKEN_FILE names a file with a token in it, which the service may read.",
  });
}

function unreachable(cause: unknown): Failure {
  return new Failure("service_unavailable", "The key service does not answer.", {
    where: "service",
    remedy: "Try again in a while. Operators: see that what VAULT_ADDR names runs, and that this host reaches it.",
    retryAfterMs: 2_000,
    cause,
  });
}

function untrusted(cause: unknown): Failure {
  return new Failure("internal", "The key service's certificate is not trusted.", {
    where: "service",
    remedy: "Operators: name the certificate that signs it by VAULT_CA_FILE; it must be issued for VAULT_ADDR's name.",
    cause,
  });
}

function sealedServer(): Failure {
  return new Failure("service_unavailable", "The key service is sealed.", {
    where: "service",
    remedy: "Try again in a while. Operators: unseal it with `vault operator unseal`.",
    retryAfterMs: 10_000,
  });
}

function forbidden(): Failure {
  return new Failure("internal", "The key service refuses the service's token.", {
    where: "service",
    remedy:
      'Operators: put a token into VAULT_TOKEN_FILE that is valid, and whose policy allows "update" on MOUNT/encrypt/KEY and MOUNT/decrypt/KEY, and "read" on MOUNT/keys/KEY, of VAULT_TRANSIT_MOUNT and VAULT_TRANSIT_KEY. See that the key is there: Vault refuses one that is not in the same way.',
  });
}

function unknownKey(): Failure {
  return new Failure("internal", "The key service has no such key.", {
    where: "service",
    remedy:
      "Operators: correct VAULT_NAMESPACE, VAULT_TRANSIT_MOUNT and VAULT_TRANSIT_KEY, or make it with `vault write -f MOUNT/keys/KEY type=aes256-gcm96`.",
  });
}

/** OpenBao's: it is still there, and takes no more work. */
export function deletedKey(): Failure {
  return new Failure("internal", "The key service's key is deleted, and can be restored.", {
    where: "service",
    remedy: "Operators: restore it with `bao write -f MOUNT/keys/KEY/soft-delete-restore`.",
  });
}
