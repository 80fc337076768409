/** Where answers are kept. */

import type { KeptPage } from "./kept-page.ts";
import type { Address } from "./key.ts";

/**
 * The answers of a connector belong to an epoch, and an invalidation ends it. A reading
 * belongs to the epoch in which it began, so that what it gives is never found after an
 * invalidation that came meanwhile. An epoch that was forgotten is none's: no name of an
 * epoch is used twice.
 */
export interface Found {
  /** The connector's epoch; undefined when it can't be told, and nothing can be kept. */
  readonly epoch: string | undefined;
  readonly page: KeptPage | undefined;
}

export interface Store {
  find(address: Address): Found | Promise<Found>;
  /** Keeps a page of an epoch for some milliseconds, unless it is too large. */
  keep(address: Address, epoch: string, page: KeptPage, forMs: number): void | Promise<void>;
  /** Ends the epoch of a connector. Never fails. */
  invalidate(scope: string): void | Promise<void>;
  close(): void;
}
