/** `npm run bench -- NAME [--rounds N] [--rows N] [--provider ID] [--json]` */
import { readdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Bench, type BenchOptions, providers, type Table } from "./support/bench.ts";

const usage = "npm run bench -- NAME [--rounds N] [--rows N] [--provider ID] [--json]";

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      rows: { type: "string", default: "1000000" },
      provider: { type: "string", default: "postgresql" },
      json: { type: "boolean", default: false },
    },
  });
  const [name] = positionals;
  const names = await benches();
  if (name === undefined || positionals.length > 1 || !names.includes(name)) {
    const complaint = name === undefined ? "Which benchmark?" : `There is no benchmark "${positionals.join(" ")}".`;
    throw new UsageError(`${complaint} There are: ${names.join(", ")}.\n${usage}`);
  }
  const options: BenchOptions = {
    rounds: count("rounds", values.rounds),
    rows: count("rows", values.rows),
    provider: providerNamed(values.provider),
    progress: (line) => process.stderr.write(`${line}\n`),
  };
  const bench = ((await import(new URL(`${name}.ts`, import.meta.url).href)) as { default: Bench }).default;
  const { figures, table } = await bench(options);
  console.log(values.json ? JSON.stringify({ bench: name, figures }) : `${printed(table)}\n\n${listed(figures)}`);
}

class UsageError extends Error {}

async function benches(): Promise<string[]> {
  const files = await readdir(new URL(".", import.meta.url));
  return files.filter((file) => file.endsWith(".ts") && file !== "main.ts").map((file) => file.slice(0, -".ts".length));
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--${option} takes a whole number from 1.\n${usage}`);
  return number;
}

function providerNamed(id: string): BenchOptions["provider"] {
  const provider = providers.find((one) => one === id);
  if (provider === undefined) throw new UsageError(`--provider takes one of: ${providers.join(", ")}.\n${usage}`);
  return provider;
}

function printed({ columns, rows }: Table): string {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(columns), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

function listed(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} = ${value}`)
    .join("\n");
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS")) {
    console.error((error as Error).message);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
