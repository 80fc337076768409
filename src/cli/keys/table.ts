/** Keys in a table. */
import type { KeyUse } from "../../registry/key-use.ts";

const head = ["ID", "STATE", "CREATED", "CREDENTIALS", "ANSWERS"] as const;
const firstNumber = head.indexOf("CREDENTIALS");

/** Columns as wide as what they hold, numbers to the right. */
export function tableOf(uses: readonly KeyUse[]): string {
  const rows = uses.map(({ id, state, createTime, credentials, answers }) => {
    return [
      id,
      state,
      createTime?.toISOString().slice(0, 16).replace("T", " ") ?? "",
      credentials.toLocaleString("en"),
      answers.toLocaleString("en"),
    ];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) => {
      const cells = row.map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= firstNumber ? cell.padStart(width) : cell.padEnd(width);
      });
      return cells.join("  ").trimEnd();
    })
    .join("\n");
}
