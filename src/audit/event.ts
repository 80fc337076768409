/** Everything that is audited: a closed union, so that what is told of each is the same everywhere. */
import type { FailureKind } from "../failure.ts";

/** Who did it, how that is known, and from where. */
export interface Actor {
  /** The principal's name. */
  readonly principal: string;
  readonly authentication: Authentication;
  /** The agent on whose grant it was; absent for none. */
  readonly agent?: string;
  /** What the caller is asked to quote of a failed call. */
  readonly requestId?: string;
  /** The IP address that the connection came from. */
  readonly clientAddress?: string;
}

/** `service`: the service itself, or its operator's command. */
export type Authentication = "api_key" | "jwt" | "certificate" | "service";

/** What the service does by itself. */
export const service: Actor = { principal: "service", authentication: "service" };

/** The organization of what concerns them all: no caller's, as none may have such a name. */
export const serviceOrganization = "@service";

/** What is known besides. Never a value, a credential or a statement's text: for those, `Audit.hashOf`. */
export type Details = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface ConnectorChanged {
  readonly event: "connector.create" | "connector.update" | "connector.delete";
  readonly connectorId: string;
  readonly details: { readonly provider: string; readonly name: string; readonly changed?: readonly string[] };
}

interface GrantChanged {
  readonly event: "grant.create" | "grant.revoke";
  readonly connectorId: string;
  readonly details: {
    /** The agent. */
    readonly granted: string;
    readonly permissions?: readonly string[];
    readonly actions?: readonly string[];
    readonly resources?: readonly string[];
    readonly expires?: string;
    /** Of all that it may do, values of row filters among them. */
    readonly terms_hash?: string;
  };
}

interface ApiKeyChanged {
  readonly event: "api_key.create" | "api_key.revoke";
  readonly details: {
    readonly api_key: string;
    readonly principal?: string;
    readonly scopes?: readonly string[];
    readonly connectors?: readonly string[];
    readonly resources?: readonly string[];
    /** The agent that the key is for. */
    readonly agent?: string;
  };
}

/** Of the encryption keys, which are all organizations': in the chain of `serviceOrganization`. */
export interface EncryptionKeyChanged {
  readonly event: "encryption_key.add" | "encryption_key.promote" | "encryption_key.rewrap" | "encryption_key.retire";
  readonly details: { readonly key: string; readonly rewrapped?: number; readonly failed?: number };
}

interface ActionDone {
  readonly event: "action.create" | "action.update" | "action.delete" | "action.upsert" | "action.named";
  readonly connectorId: string;
  /** The resource, or the action's name. */
  readonly resource: string;
  /** Among them `request_hash`, which tells whether two actions were the same. */
  readonly details: Details;
}

interface NativeQuery {
  readonly event: "query.native";
  readonly connectorId: string;
  readonly details: { readonly method: string; readonly statement_hash: string; readonly parameters: number };
}

interface PermissionDenied {
  readonly event: "permission.deny";
  readonly details: { readonly method: string } & Readonly<Record<string, string>>;
}

interface CredentialOpened {
  readonly event: "credential.open";
  readonly connectorId: string;
  /** `tokens`: not the credential itself was opened, but this set of those that were got with it. */
  readonly details: { readonly version: number; readonly key: string; readonly tokens?: number };
}

/** A user is sent to grant a connector access in a browser, and has come back from there. */
interface Authorized {
  readonly event: "authorization.start" | "authorization.complete";
  readonly connectorId: string;
  readonly details: { readonly provider: string };
}

export type AuditEvent = {
  readonly organizationId: string;
  readonly actor: Actor;
} & (
  | ConnectorChanged
  | GrantChanged
  | ApiKeyChanged
  | EncryptionKeyChanged
  | ActionDone
  | NativeQuery
  | PermissionDenied
  | CredentialOpened
  | Authorized
);

export type AuditOutcome = "intended" | "succeeded" | "failed" | "denied" | "unknown";

/** How what was intended ended. */
export interface End {
  readonly outcome: Exclude<AuditOutcome, "intended">;
  readonly reason?: FailureKind;
  readonly rows?: number;
  readonly details?: Details;
}
