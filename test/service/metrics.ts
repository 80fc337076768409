/** What a service counts, as whoever scrapes it reads it. */
import type { TestService } from "../support/service.ts";

/**
 * The sum over all series of a metric that have these labels; 0 when there is none.
 *
 * @param service started with METRICS_PORT
 */
export async function counted(
  { metricsPort }: Pick<TestService, "metricsPort">,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
