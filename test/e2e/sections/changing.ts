/** Actions at the source, once and never twice, and what agents may do. */
import { field } from "../../../src/client/index.ts";
import { BudgetUnit, Permission } from "../../../src/gen/connector/v1/grant_pb.js";
import { expect, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";
import { writable } from "./connected.ts";

const acting: Section<Stage> = {
  title: "Change the source, once",
  async run(stage, did) {
    const { client } = stage;
    const { id, table } = await writable(stage);
    const row = { id: 20_001n, name: "made end to end", amount: "1.50", region: "ch" };
    const create = { create: table.name, rows: [row] };
    const dry = await did("Execute create, dry: what would be sent", () =>
      client.execute(id, create, { dryRun: true }),
    );
    expect(dry.statement.includes("INSERT"), `It says: ${dry.statement}`);
    const idempotencyKey = crypto.randomUUID();
    const made = await did("Execute create with an idempotency key", () =>
      client.execute(id, create, { idempotencyKey }),
    );
    expect(made.affectedRows === 1n && !made.replayed, `It touched ${made.affectedRows} rows.`);
    const again = await did("the same call again is answered with its first result", () =>
      client.execute(id, create, { idempotencyKey }),
    );
    expect(again.replayed && again.affectedRows === 1n, "It was not replayed.");
    await did("another action with that key is refused with INVALID_REQUEST", () =>
      refused(
        "INVALID_REQUEST",
        client.execute(id, { ...create, rows: [{ ...row, id: 20_002n }] }, { idempotencyKey }),
      ),
    );
    const condition = { filter: field("id").eq(row.id) };
    await did("Execute update", () =>
      client.execute(id, { update: table.name, values: { amount: "2.50" }, ...condition }, { maxAffectedRows: 1 }),
    );
    const read = await did("Query sees it", () =>
      client.query<{ amount: string }>(id, { resource: table.name, where: { id: row.id } }),
    );
    expect(read.rows.length === 1 && read.rows[0]?.amount === "2.50", "The row is not what it was made.");
    await did("Execute update of more rows than it may touch undoes it all", () =>
      refused(
        "TOO_MANY_AFFECTED",
        client.execute(id, { update: table.name, values: { name: "x" }, allowAll: true }, { maxAffectedRows: 1 }),
      ),
    );
    const removed = await did("Execute delete", () => client.execute(id, { delete: table.name, ...condition }));
    expect(removed.affectedRows === 1n, `It removed ${removed.affectedRows} rows.`);
  },
};

const agents: Section<Stage> = {
  title: "Agents and what they are granted",
  async run(stage, did) {
    const { client, clientFor, key, remove, named } = stage;
    const { id, table } = await writable(stage);
    const agent = named("agent");
    const bot = clientFor(key, agent);
    const query = { resource: table.name };
    await did("Query by an agent without a grant is refused", () => refused("PERMISSION_DENIED", bot.query(id, query)));
    remove(() => client.rpc.revokeConnector({ agent, connectorId: id }).catch(() => undefined));
    await did("GrantConnector: one resource, two of its fields, a row filter and a budget", () =>
      client.rpc.grantConnector({
        ...{ agent, connectorId: id, permissions: [Permission.QUERY] },
        resources: [{ resource: table.name, fields: ["id", "region"], rowFilter: field("region").eq("eu") }],
        budgets: [{ unit: BudgetUnit.CALLS, amount: 3n, window: { seconds: 3_600n } }],
      }),
    );
    const page = await did("Query by the agent sees its rows and its fields", () =>
      bot.query<{ region: string }>(id, { ...query, fields: ["id", "region"] }, { pageSize: 50 }),
    );
    expect(page.rows.length === 50 && page.rows.every(({ region }) => region === "eu"), "It sees rows of others.");
    await did("Execute by the agent is refused with PERMISSION_DENIED", () =>
      refused("PERMISSION_DENIED", bot.execute(id, { delete: table.name, allowAll: true })),
    );
    const { grants } = await did("ListAgentConnectors", () => client.rpc.listAgentConnectors({ agent }));
    expect(grants.length === 1, `It lists ${grants.length}.`);
    await did("its budget ends with BUDGET_EXHAUSTED", () =>
      exhausted(() => bot.query(id, { ...query, fields: ["id"] })),
    );
    await did("RevokeConnector", () => client.rpc.revokeConnector({ agent, connectorId: id }));
    await did("Query by the agent is refused again", () => refused("PERMISSION_DENIED", bot.query(id, query)));
  },
};

async function exhausted(call: () => Promise<unknown>): Promise<void> {
  for (let calls = 0; calls < 3; calls++) {
    const error = await call().then(
      () => undefined,
      (thrown: { reason?: string }) => thrown,
    );
    if (error?.reason === "BUDGET_EXHAUSTED") return;
    if (error !== undefined) throw error;
  }
  await refused("BUDGET_EXHAUSTED", call());
}

export const changing: readonly Section<Stage>[] = [acting, agents];
