/** One thing that the suite asks of a provider, and what it is asked of. */
import type { ConnectorClient, ResourceQuery } from "../../src/client/index.ts";
import type { ConnectorPolicy } from "../../src/gen/connector/v1/connector_pb.js";
import type { Capability, Provider } from "../../src/providers/contract.ts";
import type { Texts } from "../service/decoding.ts";
import type { TestService } from "../support/service.ts";
import type { Fixture, OpenedSource, Table, Target } from "./fixture.ts";

export interface CaseOf<S> {
  readonly name: string;
  /** Without them the case is left out: what is refused then, has cases of its own. */
  readonly needs: readonly Capability[];
  /** Its scene is set against a time limit: on a machine that stalls it is set anew. */
  readonly timed?: true;
  run(stage: S): Promise<void>;
}

export type Case = CaseOf<Stage>;

/** The cases of one theme, as far as the source has what they are about. */
export type Cases = (fixture: Fixture) => readonly Case[];

/** A service with a connector to a source, of which one query is known. */
export interface Scene {
  readonly definition: Provider;
  readonly service: TestService;
  readonly client: ConnectorClient;
  readonly connectorId: string;
  readonly probe: Probe;
  /** What leads to the source: of its own for each connector, where a credential is good for one only. */
  target(): Promise<Target>;
  /** Another connector, to the same source unless a target is given; gives its id. */
  connector(other: { readonly target?: Target; readonly policy?: Policy }): Promise<string>;
}

/** A query that gives the same rows whenever it is asked. */
export interface Probe {
  readonly query: ResourceQuery;
  readonly rows: Texts;
}

/** A scene whose source has the suite's tables. */
export interface Stage extends Scene {
  readonly fixture: Fixture;
  readonly source: OpenedSource;
  /** Makes tables at the source, which the connector has then. */
  create(tables: readonly Table[]): Promise<void>;
}

type Policy = Partial<Pick<ConnectorPolicy, "callsPerSecond" | "maxConcurrency">>;
