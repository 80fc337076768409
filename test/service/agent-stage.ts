/** A source that an agent is let at, and what its tests say again and again. */
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import {
  type ActionInput,
  Code,
  type ConnectorClient,
  ConnectorError,
  createConnectorClient,
  field,
  type QueryInput,
} from "../../src/client/index.ts";
import { Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { type Source, serviceWithSource } from "./source.ts";

/** Hidden names are such that they are found wherever they are told. */
const statements = `
  CREATE TABLE team (id int PRIMARY KEY, hid_motto text);
  CREATE TABLE person (
    id int PRIMARY KEY, tenant text NOT NULL, name text, age int, hid_salary int DEFAULT 1,
    hid_code text UNIQUE, team int REFERENCES team, CONSTRAINT hid_rule CHECK (age < 200));
  CREATE INDEX hid_index ON person (hid_salary);
  CREATE TABLE other (id int PRIMARY KEY)`;
/** The rows that every test of a change begins with. */
export const rows = `
  TRUNCATE person, team, other;
  INSERT INTO team VALUES (1, 'hid');
  INSERT INTO person SELECT i, CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END, 'name ' || i, 20 + i, 1000 + i, 'c' || i, 1
  FROM generate_series(1, 10) AS i`;

export const person = "public.person";
export const shown = ["id", "tenant", "name", "age", "team"];
export const ofAcme = { resource: person, fields: shown, rowFilter: field("tenant").eq("acme") };
export const everything = [Permission.QUERY, Permission.EXECUTE];
export const actions = ["create", "update", "delete", "upsert"];
export const minute = { seconds: 60n };
/** So long that no test sees its end. */
export const year = { seconds: 31_536_000n };

export let source: Source;
/** Of the test that runs, and of no other. */
export let agent: string;
/** Who calls as the agent, and may do everything itself. */
export let mira: ConnectorClient;
let agents = 0;
const clients: ConnectorClient[] = [];

/** To be called once, by a file of tests. */
export function useAgents(): void {
  beforeAll(async () => {
    source = await serviceWithSource(statements);
    await source.run(rows);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await source.stop();
  });
  beforeEach(() => {
    agent = `mira/${++agents}`;
    mira = clientAs(agent);
  });
}

export function clientAs(name: string, token = source.service.token): ConnectorClient {
  const client = createConnectorClient({ url: source.service.url, token, agent: name });
  clients.push(client);
  return client;
}

export type Grant = Omit<
  Parameters<ConnectorClient["rpc"]["grantConnector"]>[0],
  "$typeName" | "agent" | "connectorId"
>;

export async function granted(grant: Grant = { permissions: everything, actions, resources: [ofAcme] }): Promise<void> {
  await source.client.rpc.grantConnector({ agent, connectorId: source.connectorId, ...grant });
}

export function failureOf(call: Promise<unknown>): Promise<ConnectorError> {
  return call.then(() => expect.unreachable("the call was let through"), ConnectorError.from);
}

export const query = (asked: QueryInput, client = mira) => client.query(source.connectorId, asked);
export const execute = (action: ActionInput, options = {}) => mira.execute(source.connectorId, action, options);
export const denied = (part: string) => ({
  ...{ code: Code.PermissionDenied, reason: "PERMISSION_DENIED" },
  metadata: expect.objectContaining({ grant: part }),
});
