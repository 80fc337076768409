/** `deploy/METRICS.md` and the metrics themselves say the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createMetrics } from "../../src/observability/metrics.ts";

const page = readFileSync(new URL("../../deploy/METRICS.md", import.meta.url), "utf8");

/** A row of the page: `| name | type | labels | meaning |`. */
const rows = [...page.matchAll(/^\| `([a-z_0-9]+)` \| (\w+) \|(.*?)\| (.+) \|$/gm)].map(
  ([, name = "", type = "", labels = "", meaning = ""]) => ({
    ...{ name, type, meaning },
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
  }),
);
const { families } = createMetrics();

test("every metric is on the page, with its type and its labels, and no other is", () => {
  const documented = rows.map(({ name, type, labels }) => `${name} ${type} ${labels}`).toSorted();
  const measured = families.map(({ name, type, labelNames }) => `${name} ${type} ${labelNames}`).toSorted();
  expect(documented).toEqual(measured);
});

test("names follow Prometheus's conventions: counters end with _total, times are seconds, sizes bytes, parts ratios", () => {
  const own = families.filter(({ name }) => name.startsWith("connector_"));
  for (const { name, type, help } of own) {
    expect(name).toMatch(/^connector_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|megabytes|percent|count|sum|bucket)(_|$)/);
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
    // The two formats write a quote differently.
    expect(help).toMatch(/^[^"\n]+\.$/);
  }
  expect(own.length).toBeGreaterThan(50);
});
