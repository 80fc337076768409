import type { Audit } from "../audit/audit.ts";
import type { Authorizations } from "../execution/authorization/authorizations.ts";
import type { Execution } from "../execution/execution.ts";
import type { History } from "../execution/history/history.ts";
import type { Tokens } from "../execution/tokens/tokens.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { ApiKeys } from "../registry/api-keys.ts";
import type { Grants } from "../registry/grants.ts";
import type { Registry } from "../registry/registry.ts";
import type { PageTokens } from "./page-token.ts";

/** What the handlers translate for. */
export interface Rooms {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly apiKeys: ApiKeys;
  readonly grants: Grants;
  readonly execution: Execution;
  readonly tokens: Pick<Tokens, "health">;
  readonly authorizations: Authorizations;
  readonly history: History;
  readonly audit: Audit;
  readonly pageTokens: PageTokens;
}
