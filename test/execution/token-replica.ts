/** A replica that refreshes the tokens of one connector, as a process that can be killed. */
import type { TokenOwner } from "../../src/execution/tokens/rows.ts";
import { createTokens } from "../../src/execution/tokens/tokens.ts";
import { openStore } from "../../src/store/store.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { refreshingAt, type TokenEndpoint } from "../support/oauth-tokens.ts";

export interface ReplicaTask {
  readonly storeUrl: string;
  readonly keys: string;
  readonly leaseMs: number;
  readonly owner: TokenOwner;
  readonly endpoint: TokenEndpoint;
}

const { storeUrl, keys, leaseMs, owner, endpoint } = JSON.parse(process.env.TASK ?? "") as ReplicaTask;
const store = await openStore({ url: storeUrl, poolSize: 2 });
const tokens = createTokens({ store, vault: createVault(localKeys(keys)), observe: () => {}, leaseMs });
const { version } = await tokens.of(owner).get(refreshingAt(endpoint), new AbortController().signal);
process.stdout.write(`version ${version}\n`);
await tokens.close();
await store.close();
