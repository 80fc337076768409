/** MariaDB: against mysql2's own streaming read. */

import { ownMariadb } from "../../support/mariadb-server.ts";
import { runMysql } from "../../support/mysql-client.ts";
import type { BenchOptions, BenchResult } from "../support/bench.ts";
import type { CaseName } from "./cases.ts";
import { type Contender, checkAll, contenderOf, lineOf, speeds, startServer, stopAll, timeAll } from "./contenders.ts";
import { expectedMysqlSums, makeMysqlTable } from "./mysql-table.ts";
import { databaseConnector } from "./service.ts";
import { columnNames } from "./shape.ts";

const names: readonly CaseName[] = ["driver", "packed", "values"];

/** @param directory where the service's store is kept meanwhile */
export async function streamMysql(directory: string, options: BenchOptions): Promise<BenchResult> {
  // The whole of a column is one text when its sum is made.
  const mariadb = await ownMariadb(["--max-allowed-packet=1G", "--innodb-buffer-pool-size=512M"]);
  const contenders: Contender[] = [];
  try {
    await runMysql(mariadb.url, "CREATE DATABASE bench CHARACTER SET utf8mb4");
    const url = new URL(mariadb.url);
    url.pathname = "/bench";
    options.progress(`Making a table of ${options.rows} rows and ${columnNames.length} columns.`);
    await makeMysqlTable(url.href, options.rows);
    const start = () => startServer(directory, databaseConnector(url.href));
    for (const name of names) contenders.push(await contenderOf(name, url.href, start));
    await checkAll(contenders, await expectedMysqlSums(url.href), ["driver"], options);
    await timeAll(contenders, options);
    return report(contenders, options);
  } finally {
    await stopAll(contenders);
    await mariadb.stop();
  }
}

function report(contenders: readonly Contender[], { rows }: BenchOptions): BenchResult {
  const speed = speeds(contenders);
  return {
    figures: {
      packed_vs_driver: speed("packed", "driver"),
      values_vs_driver: speed("values", "driver"),
    },
    table: {
      columns: ["case", "speed, mysql2 = 1", "rows/s", "what is done"],
      rows: contenders.map((contender) => [
        contender.name,
        speed(contender.name, "driver").toFixed(2),
        ...lineOf(contender, rows),
      ]),
    },
  };
}
