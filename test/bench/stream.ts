/**
 * Reading one table through the service against reading it from the database.
 *
 * Each case has a client process of its own, and each case of the service a server
 * process; they take turns, so that whatever else the machine does meets all of them.
 * Before anything is timed, every column that a case gives is compared with SQL.
 */
import { rm } from "node:fs/promises";
import { diskDirectory } from "../support/directory.ts";
import { streamMysql } from "./stream/mysql.ts";
import { streamPostgresql } from "./stream/postgresql.ts";
import type { BenchOptions, BenchResult } from "./support/bench.ts";

const benches = { postgresql: streamPostgresql, mysql: streamMysql };

export default async function stream(options: BenchOptions): Promise<BenchResult> {
  const directory = await diskDirectory();
  try {
    return await benches[options.provider](directory, options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
