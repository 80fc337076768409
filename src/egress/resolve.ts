/** From a name to its addresses. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a host: of an address, itself. @throws Node's own error of the look-up. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

/** As the machine itself resolves: its hosts file, its search domains and its DNS. */
export const resolveHere: Resolve = async (host) => {
  const family = isIP(host);
  return family === 0 ? lookup(host, { all: true }) : [{ address: host, family }];
};
