/**
 * Live sessions, one for each connector as it stands: a change of the connector or of
 * its credential opens another one, and the old one closes when its calls have ended.
 */
import path from "node:path";
import { LRUCache } from "lru-cache";
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import type { Observe } from "../../observability/observation.ts";
import { type Span, spanBelow } from "../../observability/span.ts";
import type { Catalogue } from "../../providers/catalogue.ts";
import type { TokenStore } from "../../providers/contract/tokens.ts";
import type { Provider, Session, SessionContext } from "../../providers/contract.ts";
import type { ConnectorRow } from "../../store/entities/connector.ts";
import { openCredential } from "../../vault/credential.ts";
import type { Vault } from "../../vault/vault.ts";
import { keyOf } from "../connector-key.ts";
import type { TokenOwner } from "../tokens/rows.ts";

export interface OpenSession {
  readonly provider: Provider;
  readonly session: Session;
}

export interface Sessions {
  /**
   * @param maxConnections The session's, when it is to be opened.
   * @param attempt That it is opened for, if that is recorded.
   * @throws Failure when the credential can't be opened.
   */
  get(connector: ConnectorRow, maxConnections: number, attempt?: Span): Promise<OpenSession>;
  /** Closes the connector's session, if there is one, when its calls have ended. */
  forget(organizationId: string, connectorId: string): void;
  /** Sessions that are kept. */
  count(): number;
  close(): Promise<void>;
}

/** Sessions kept at most; those unused the longest go first. An idle one has no connections. */
const maxSessions = 10_000;

interface Entry {
  readonly version: string;
  readonly opening: Promise<OpenSession>;
}

/** What every session gets alike, but for the way out and the files, which are its organization's, and the tokens, which are its own. */
export interface CommonContext
  extends Omit<SessionContext, "maxConnections" | "dial" | "files" | "tenant" | "tokens" | "refuseRiskyPrivileges"> {
  dialFor(organizationId: string): Dial;
  /** Default: none are kept. */
  tokensFor?(owner: TokenOwner): TokenStore;
  /** Has a folder for each organization, by its id. */
  readonly filesDirectory?: string | undefined;
}

/** Changes with everything that a session is opened with. */
export function sessionVersion({ version, credentialVersion }: ConnectorRow): string {
  return `${version}/${credentialVersion}`;
}

export function createSessions(
  catalogue: Catalogue,
  vault: Vault,
  { dialFor, tokensFor, filesDirectory, ...common }: CommonContext,
  observe: Observe,
): Sessions {
  const entries = new LRUCache<string, Entry>({
    max: maxSessions,
    dispose: ({ opening }) => {
      opening.then(({ session }) => session.close()).catch(() => {}); // What did not open needs no closing.
    },
  });

  return {
    get(connector, maxConnections, attempt) {
      const key = keyOf(connector.organizationId, connector.id);
      const version = sessionVersion(connector);
      const known = entries.get(key);
      if (known?.version === version) return known.opening;
      const refuseRiskyPrivileges = connector.policy?.refuseRiskyPrivileges ?? false;
      const files = filesDirectory === undefined ? undefined : folderOf(filesDirectory, connector.organizationId);
      const { organizationId: tenant } = connector;
      const own = { dial: dialFor(tenant), files, tenant };
      const context = { ...common, ...own, maxConnections, refuseRiskyPrivileges };
      const opening = open(connector, catalogue, vault, context, tokensFor);
      const entry = { version, opening: observed(opening, connector, observe, attempt) };
      entries.set(key, entry);
      // The next call tries again.
      entry.opening.catch(() => {
        if (entries.peek(key) === entry) entries.delete(key);
      });
      return entry.opening;
    },
    forget(organizationId, connectorId) {
      entries.delete(keyOf(organizationId, connectorId));
    },
    count: () => entries.size,
    async close() {
      const open = [...entries.values()];
      entries.clear();
      await Promise.allSettled(open.map(async ({ opening }) => (await opening).session.close()));
    },
  };
}

async function observed(
  opening: Promise<OpenSession>,
  { organizationId, id: connectorId, provider }: ConnectorRow,
  observe: Observe,
  attempt: Span | undefined,
): Promise<OpenSession> {
  const about = { kind: "session_opened", subject: { organizationId, connectorId, provider } } as const;
  const span = attempt && spanBelow(attempt);
  try {
    const opened = await opening;
    observe({ ...about, reason: undefined, span });
    return opened;
  } catch (error) {
    observe({ ...about, reason: error instanceof Failure ? error.kind : "internal", span });
    throw error;
  }
}

/** Undefined for an id that is no folder's name: one of points only. */
function folderOf(directory: string, organizationId: string): string | undefined {
  return /^\.+$/.test(organizationId) ? undefined : path.join(directory, organizationId);
}

async function open(
  connector: ConnectorRow,
  catalogue: Catalogue,
  vault: Vault,
  context: SessionContext,
  tokensFor: CommonContext["tokensFor"],
): Promise<OpenSession> {
  const provider = catalogue.get(connector.provider);
  const config = provider.config.parse(connector.config);
  const { organizationId, id: connectorId, credentialVersion: version, sealedCredential } = connector;
  const owner = { organizationId, connectorId, provider: provider.id, endpoint: provider.endpoint(config) };
  const place = { ...owner, version };
  const credential = sealedCredential === null ? undefined : await openCredential(vault, place, sealedCredential);
  const tokens = tokensFor?.({ ...owner, credentialVersion: version });
  const own = tokens === undefined ? context : { ...context, tokens };
  return { provider, session: provider.open(config, provider.credential.parse(credential?.reveal()), own) };
}
