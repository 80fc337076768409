/** Where the encryption keys come from. */
import { z } from "zod";
import { Secret } from "../vault/secret.ts";
import { certificates, file, key, keyHint, keyWithId } from "./kinds.ts";

/**
 * Any of them, or several: the first that has a primary key wraps, and the others only unwrap.
 * None with the built-in database only, which has a key of its own besides.
 */
export interface KeysConfig {
  readonly transit: TransitConfig | undefined;
  /** The path of a key file. */
  readonly file: string | undefined;
  /** `id:hex,…`, or one key in hex. */
  readonly text: Secret | undefined;
}

/** The transit engine of HashiCorp Vault or OpenBao. */
export interface TransitConfig {
  /** `https://vault.example.com:8200`. */
  readonly address: string;
  readonly mount: string;
  readonly key: string;
  /** The path of a file, which is read for every request. */
  readonly tokenFile: string;
  readonly namespace: string | undefined;
  /** Certificates in PEM that are trusted instead of all others. */
  readonly ca: string | undefined;
}

const path = z.string().regex(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, "must be of letters, digits, and . _ - /");

export const keyVariables = {
  ENCRYPTION_KEYS: z
    .string()
    .refine(
      (text) => text.split(",").every((each) => keyWithId.test(each.trim())) || key.test(text),
      `must be id:KEY, or several with commas between, each KEY ${keyHint}`,
    )
    .optional(),
  ENCRYPTION_KEY: z.string().regex(key, `must be ${keyHint}`).optional(),
  ENCRYPTION_KEYS_FILE: z.string().optional(),
  VAULT_ADDR: z
    .string()
    .refine(isVaultAddress, "must be an https URL of nothing but host and port, or an http one of this machine")
    .optional(),
  VAULT_TRANSIT_MOUNT: path.default("transit"),
  VAULT_TRANSIT_KEY: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, "must be the name of a key in the transit engine")
    .optional(),
  VAULT_TOKEN_FILE: z.string().optional(),
  VAULT_NAMESPACE: path.optional(),
  VAULT_CA_FILE: file.pipe(certificates).optional(),
};

/** A token that crosses a network in the clear is everybody's. */
function isVaultAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.pathname !== "/" || url.search + url.hash + url.username + url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

const variables = z.object(keyVariables);

export function keysOf(values: z.output<typeof variables>): KeysConfig {
  const text = values.ENCRYPTION_KEYS ?? values.ENCRYPTION_KEY;
  return {
    transit: transitOf(values),
    file: values.ENCRYPTION_KEYS_FILE,
    text: text === undefined ? undefined : new Secret(text),
  };
}

function transitOf(values: z.output<typeof variables>): TransitConfig | undefined {
  const { VAULT_ADDR: address, VAULT_TRANSIT_KEY: key, VAULT_TOKEN_FILE: tokenFile } = values;
  if (address === undefined || key === undefined || tokenFile === undefined) return undefined;
  return {
    ...{ address: new URL(address).origin, mount: values.VAULT_TRANSIT_MOUNT, key, tokenFile },
    ...{ namespace: values.VAULT_NAMESPACE, ca: values.VAULT_CA_FILE },
  };
}
