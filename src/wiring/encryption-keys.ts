/** The encryption keys that the configuration names, for whoever opens or wraps with them. */
import type { KeysConfig } from "../config/keys.ts";
import type { Egress } from "../egress/egress.ts";
import { placeOf } from "../egress/own.ts";
import type { KeyFileChange } from "../vault/file-keys.ts";
import { type OpenKeys, openKeys } from "../vault/open-keys.ts";

export interface KeySurroundings {
  /** The key of the built-in database, which is there besides unless another is given as text. */
  readonly builtIn: string | undefined;
  readonly egress: Egress;
  readonly onFileChange: (change: KeyFileChange) => void;
}

/** @throws Failure when there is none, or what is named is wrong */
export function configuredKeys(
  { transit, file, text }: KeysConfig,
  { builtIn, egress, onFileChange }: KeySurroundings,
): Promise<OpenKeys> {
  // No connector leads to the key service.
  if (transit !== undefined) egress.own.add(placeOf(transit.address));
  const { ca } = transit ?? {};
  return openKeys({
    transit: transit && {
      ...transit,
      fetch: (url, init) => egress.fetch(url, { ...init, ...(ca === undefined ? {} : { ca }) }),
    },
    file: file === undefined ? undefined : { path: file, onChange: onFileChange },
    text: text?.reveal() ?? builtIn,
  });
}
