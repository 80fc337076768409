/** One thing that the suite asks of a provider, and what it is asked of. */
import type { ConnectorClient } from "../../src/client/index.ts";
import type { ConnectorPolicy } from "../../src/gen/connector/v1/connector_pb.js";
import type { Capability, Provider } from "../../src/providers/contract.ts";
import type { TestService } from "../support/service.ts";
import type { Fixture, OpenedSource, Table, Target } from "./fixture.ts";

export interface Case {
  readonly name: string;
  /** Without them the case is left out: what is refused then, has cases of its own. */
  readonly needs: readonly Capability[];
  /** Its scene is set against a time limit: on a machine that stalls it is set anew. */
  readonly timed?: true;
  run(stage: Stage): Promise<void>;
}

/** The cases of one theme, as far as the source has what they are about. */
export type Cases = (fixture: Fixture) => readonly Case[];

/** A service with a connector to a source that has the suite's tables. */
export interface Stage {
  readonly definition: Provider;
  readonly fixture: Fixture;
  readonly source: OpenedSource;
  readonly service: TestService;
  readonly client: ConnectorClient;
  readonly connectorId: string;
  /** Makes tables at the source, which the connector has then. */
  create(tables: readonly Table[]): Promise<void>;
  /** Another connector, to the same source unless a target is given; gives its id. */
  connector(other: { readonly target?: Target; readonly policy?: Policy }): Promise<string>;
}

type Policy = Partial<Pick<ConnectorPolicy, "callsPerSecond" | "maxConcurrency">>;
