/** An answer of a source, sealed for the one place that it may be found in. */
import type { EncryptionContext } from "./context.ts";
import type { Vault } from "./vault.ts";

/** Where an answer belongs. */
export interface AnswerPlace {
  readonly organizationId: string;
  readonly connectorId: string;
  /** The connector's version. */
  readonly version: number;
  /** Stands for the request. */
  readonly digest: string;
  readonly epoch: string;
  /** Of the answer's bytes. */
  readonly format: number;
}

export function sealAnswer(vault: Vault, place: AnswerPlace, answer: Uint8Array): Promise<Uint8Array> {
  return vault.seal(answer, contextOf(place));
}

/** @throws Failure of kind `internal` when it was sealed for another place. */
export function openAnswer(vault: Vault, place: AnswerPlace, sealed: Uint8Array): Promise<Uint8Array> {
  return vault.open(sealed, contextOf(place));
}

/** It is sent nowhere: instead of an endpoint it is bound to what it answers. */
function contextOf({ organizationId, connectorId, version, digest, epoch, format }: AnswerPlace): EncryptionContext {
  const endpoint = { digest, epoch, format };
  return { organizationId, connectorId, field: "kept_answer", secretVersion: version, endpoint };
}
