import type { Provider } from "../../../src/providers/contract.ts";
import type { TestService } from "../../support/service.ts";
import { type Closable, connecting } from "../stage.ts";
import { knownOf, type ReadOnlyFixture, type ReadStage } from "./api.ts";

/** A connector to an API, and what it gives now. The service is left as it is. */
export async function openReadStage(
  definition: Provider,
  fixture: ReadOnlyFixture,
  service: TestService,
): Promise<Closable<ReadStage>> {
  const { client } = service;
  const api = await fixture.open();
  const connector = connecting(client, definition, () => api.target());
  const connectorId = await connector({});
  const [first, ...others] = api.readings;
  const reader = { client, connectorId };
  const known = [
    await knownOf(first, reader),
    ...(await Promise.all(others.map((each) => knownOf(each, reader)))),
  ] as const;
  const probe = { query: first.query, rows: known[0].texts };
  const { isMock = false, unchanged } = fixture;
  const target = () => api.target();
  return {
    definition,
    service,
    client,
    connectorId,
    connector,
    target,
    probe,
    api,
    known,
    isMock,
    unchanged,
    close: async () => {},
  };
}
