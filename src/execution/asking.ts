/** What can be asked of a session, and what is told of the answer. */
import { Failure } from "../failure.ts";
import type { Call, Capability, Page, Provider, ReadQuery, Session } from "../providers/contract.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import type { Asked } from "./attempt.ts";
import type { Moved } from "./outcome.ts";

export type Work<T> = (session: Session, call: Call, provider: Provider) => Promise<T>;

/** What is answered at once, and needs the source no more then. */
export function asked<T>(work: Work<T>): Asked<T> {
  return async (session, call, provider) => ({ result: await work(session, call, provider) });
}

export const nothingMoved: Moved = { rows: 0, bytes: 0 };

export function movedBy({ batches }: Pick<Page, "batches">): Moved {
  let rows = 0;
  let bytes = 0;
  for (const batch of batches) {
    rows += batch.rows;
    bytes += batch.size;
  }
  return { rows, bytes };
}

/** @throws Failure of kind `connector_disabled` */
export function refuseDisabled(connector: ConnectorRow): void {
  if (!connector.disabled) return;
  throw new Failure("connector_disabled", "The connector is disabled.", {
    where: "connector",
    remedy: "Enable it with UpdateConnector (disabled: false).",
  });
}

export function capabilityOf(query: ReadQuery): Capability {
  return query.kind === "native" ? "native_query" : "query";
}

/** A session's method, if its provider declares that it can do this. */
export function able<Method extends "query" | "stream" | "schema" | "explain" | "execute">(
  session: Session,
  method: Method,
  capability: Capability,
  provider: Provider,
): NonNullable<Session[Method]> {
  const found = session[method];
  if (found === undefined || !provider.capabilities.includes(capability)) {
    throw new Failure("unsupported", `${provider.title} connectors can't do this: they lack "${capability}".`, {
      where: "connector",
      remedy: "ListProviders shows what each provider can do.",
    });
  }
  return found.bind(session) as NonNullable<Session[Method]>;
}
