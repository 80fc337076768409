/** Rows of every kind of key, changed and given back by it. */
import { expect, test } from "vitest";
import { isMariadb } from "../../support/mysql-server.ts";
import { is, text } from "../sql/acting.ts";
import { acting } from "./acting.ts";

const source = acting();

const keys: readonly (readonly [type: string, ...cells: string[]])[] = [
  ["bigint unsigned", "18446744073709551615", "0"],
  ["decimal(38,8)", "123456789012345678901234567890.12345678", "-0.00000001"],
  ["double", "0.1", "-1.7976931348623157e+308"],
  ["float", "0.1", "1.6777216e+07"],
  ["bit(40)", "0000000000000000000000000000000000000101", "1".repeat(40)],
  ["year", "1901", "2155"],
  ["date", "2026-11-22", "0000-00-00"],
  ["time(6)", "-838:59:58.999999", "13:45:00.000001"],
  ["datetime(6)", "2026-11-22 13:45:00.000001", "9999-12-31 23:59:59.999999"],
  ["timestamp(6)", "2026-11-22 13:45:00.000001+00", "1970-01-01 00:00:01+00"],
  ["varchar(100) COLLATE utf8mb4_general_ci", "Zürich 😀", "it''s \\ \"quoted\""],
  ["char(20) CHARACTER SET latin1", "Zürich", "a"],
  ["varbinary(20)", "\\x00ff27", "\\x"],
  ["enum('sad','it''s','happy')", "it's", "sad"],
  ...(isMariadb
    ? [["uuid", "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f", "ffffffff-7c1e-7b7a-9d2e-3f1b5c6d7e8f"] as const]
    : []),
  ...(isMariadb ? [["inet6", "2001:db8::1", "::ffff:10.0.0.1"] as const] : []),
];

test.each(keys)("%s", async (type, ...cells) => {
  await source.run(`SET sql_mode = 'ALLOW_INVALID_DATES'; DROP TABLE note;
    CREATE TABLE note (k ${type} NOT NULL, n int NOT NULL, text varchar(20), PRIMARY KEY (k, n), UNIQUE (k))`);
  const rows = cells.map((cell, i) => [text(cell), text(String(i)), text("new")]);
  const fields = ["k", "n", "text"];
  const given = cells.map((cell, i) => [cell, String(i), "new"]);
  const created = await source.execute({ kind: "create", resource: "note", fields, rows }, { returning: fields });
  expect(created).toMatchObject({ affectedRows: 2, rows: given });
  // Without a condition on the key the source itself says what the keys are.
  const values = [{ field: "text", value: text("old") }];
  const filter = is("text", "eq", text("new"));
  const updated = await source.execute({ kind: "update", resource: "note", filter, values }, { returning: fields });
  expect(updated.rows.toSorted()).toEqual(given.map(([k, n]) => [k, n, "old"]).toSorted());
  const upsert = { kind: "upsert", resource: "note", fields, rows: rows.toReversed(), key: ["k"] } as const;
  expect(await source.execute(upsert, { returning: fields })).toMatchObject({ rows: given.toReversed() });
  const one = is("k", "eq", text(cells[0] ?? ""));
  const removed = await source.execute({ kind: "delete", resource: "note", filter: one }, { returning: fields });
  expect(removed).toMatchObject({ affectedRows: 1, rows: given.slice(0, 1) });
  expect(await source.run("SELECT n FROM note")).toEqual([["1"]]);
});
