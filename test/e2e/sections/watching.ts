/** What is told of the calls: stats, history, audit, metrics, keys. */
import { StatsWindow } from "../../../src/gen/connector/v1/stats_pb.js";
import { expect, LeftOut, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";
import { connected } from "./connected.ts";

/** Milliseconds that what is written after a call may take to be seen. */
const patienceMs = 20_000;

/** Asks until the answer will do. */
async function until<Answer>(ask: () => Promise<Answer>, will: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (will(answer) || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const stats: Section<Stage> = {
  title: "Stats of a connector",
  async run(stage, did) {
    const [{ id } = { id: "" }] = await connected(stage);
    const { calls, rows, breaker } = await did("GetStats of the last hour", () =>
      until(
        () => stage.client.rpc.getStats({ connectorId: id, window: StatsWindow.HOUR }),
        (answer) => answer.calls > 0n,
      ),
    );
    expect(calls > 0n && rows > 0n, `It counts ${calls} calls and ${rows} rows.`);
    expect(breaker?.state === "closed", `The breaker is ${breaker?.state}.`);
  },
};

const history: Section<Stage> = {
  title: "History",
  async run(stage, did) {
    const [{ id } = { id: "" }] = await connected(stage);
    const { queries } = await did("ListQueries, the latest first", () =>
      until(
        () => stage.client.rpc.listQueries({ connectorId: id }),
        (answer) => answer.queries.length > 0,
      ),
    );
    expect(queries.length > 0 && queries.every(({ principal }) => principal !== ""), "It names no principal.");
  },
};

const audit: Section<Stage> = {
  title: "Audit log",
  async run({ client, own }, did) {
    const { auditLogs } = await did("ListAuditLogs", () => client.rpc.listAuditLogs({ pageSize: 100 }));
    const events = new Set(auditLogs.map(({ event }) => event));
    expect(events.size > 1, `It holds only ${[...events].join(", ")}.`);
    const exported = await did("ExportAuditLogs, the earliest first", async () => {
      let entries = 0;
      const startTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) - 600) };
      for await (const part of client.rpc.exportAuditLogs({ filter: { startTime } })) entries += part.auditLogs.length;
      return entries;
    });
    expect(exported > 0, "It holds nothing.");
    if (own === undefined) return;
    const said = await did("npm run audit:verify", () => own.command("cli/audit.ts"));
    expect(said.includes("are whole"), said);
  },
};

const metrics: Section<Stage> = {
  title: "Metrics",
  async run({ metricsUrl }, did) {
    if (metricsUrl === undefined) throw new LeftOut("it was not said where they are (--metrics).");
    const text = await did("GET /metrics", async () => (await fetch(metricsUrl)).text());
    const names = new Set(text.match(/^connector_\w+/gm));
    expect(names.size > 5, `It names ${names.size} of the service's own.`);
  },
};

const encryption: Section<Stage> = {
  title: "Encryption keys",
  async run({ own }, did) {
    if (own === undefined) throw new LeftOut("they are the operator's, by `npm run keys`.");
    const said = await did("npm run keys -- list", () => own.command("cli/keys.ts", "list"));
    expect(said.includes("first"), said);
  },
};

export const watching: readonly Section<Stage>[] = [stats, history, audit, metrics, encryption];
