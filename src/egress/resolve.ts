/** From a name to its addresses. */
import { lookup } from "node:dns/promises";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a name, at least one. @throws Node's own error of the look-up. */
export type Resolve = (name: string) => Promise<readonly ResolvedAddress[]>;

/** As the machine itself resolves: its hosts file, its search domains and its DNS. */
export const resolveHere: Resolve = (name) => lookup(name, { all: true });
