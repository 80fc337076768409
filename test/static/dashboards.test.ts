/** Dashboards, rules and alerts, as far as their text tells. That they find data is tested where a Prometheus runs. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { dashboardFiles, plans } from "../../deploy/grafana/files.ts";
import { dashboardSchema } from "./grafana/dashboard-schema.ts";
import { questions, rules } from "./grafana/questions.ts";

const deploy = new URL("../../deploy/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, deploy), "utf8");
const alerts = rules().filter(({ alert }) => alert !== undefined);

interface Metric {
  readonly name: string;
  readonly labels: readonly string[];
}

/** Of the tables of the page that a test holds against what the service says. */
function documentedMetrics(): Metric[] {
  return [...read("METRICS.md").matchAll(/^\| `(\w+)` \| \w+ \|([^|]*)\|/gm)].map(([, name = "", labels = ""]) => ({
    name,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label),
  }));
}

test("the files of the dashboards are what the code makes: npm run dashboards", () => {
  const files = dashboardFiles();
  const there = readdirSync(new URL("grafana/", deploy)).filter((name) => name.endsWith(".json"));
  expect(there.toSorted()).toEqual(Object.keys(files).toSorted());
  for (const [name, text] of Object.entries(files)) expect(read(`grafana/${name}`) === text, name).toBe(true);
});

test("every dashboard is what Grafana's own types say, and what they don't know is refused", () => {
  const valid = dashboardSchema();
  for (const [name, text] of Object.entries(dashboardFiles())) {
    expect(valid(JSON.parse(text)) ? [] : valid.errors, name).toEqual([]);
  }
  const [text = ""] = Object.values(dashboardFiles());
  for (const wrong of [
    text.replace('"showLegend"', '"showsLegend"'),
    text.replace('"mode": "absolute"', '"mode": "relative"'),
    text.replace('"schemaVersion"', '"version_of_schema"'),
    text.replace('"expr"', '"expression"'),
  ]) {
    expect(valid(JSON.parse(wrong))).toBe(false);
  }
}, 120_000);

test("every panel says what to do when it looks bad, and stands in its place", () => {
  for (const { id, rows } of plans) {
    const panels = rows.flatMap((row) => row.panels);
    const titles = panels.map(({ title }) => title);
    expect(new Set(titles).size, id).toBe(titles.length);
    for (const { title, description, queries } of panels) {
      expect(description.split(" ").length, `${id}: ${title}`).toBeGreaterThan(10);
      expect(queries.length, `${id}: ${title}`).toBeGreaterThan(0);
    }
    // Lines of panels end where a dashboard does.
    for (const row of rows) {
      let column = 0;
      for (const { width } of row.panels) {
        column += width;
        expect(column, `${id}: ${row.title}`).toBeLessThanOrEqual(24);
        column %= 24;
      }
      expect(column, `${id}: ${row.title}`).toBe(0);
    }
  }
});

test("queries use the variables that their dashboard has", () => {
  const given = ["__rate_interval", "__range"];
  for (const { id, rows, variables } of plans) {
    const known = [...given, ...variables.map(({ name }) => name)];
    const asked = rows.flatMap((row) => row.panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)));
    const used = asked.flatMap((expr) => [...expr.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name));
    expect(
      used.filter((name) => !known.includes(name)),
      id,
    ).toEqual([]);
    // A choice that changes nothing misleads.
    for (const { name } of variables) expect(used, id).toContain(name);
  }
});

test("every expression asks for metrics and labels that there are", () => {
  const metrics = new Map(documentedMetrics().map(({ name, labels }) => [name, labels]));
  expect(metrics.size).toBeGreaterThan(80);
  const records = rules().flatMap(({ record }) => (record === undefined ? [] : [record]));
  const alwaysThere = ["job", "instance", "le", "slo", "side", "alertname", "alertstate"];
  for (const { place, expr } of questions()) {
    const names = [...expr.matchAll(/\b(?:connector|process|nodejs)_\w+/g)].map(([name]) => name);
    const own = names.filter((name) => !records.some((record) => record.includes(name)));
    const known = own.map((name) => {
      const base = metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
      expect(metrics.has(base), `${place}: ${name}`).toBe(true);
      return metrics.get(base) ?? [];
    });
    const labels = [...alwaysThere, "provider", ...known.flat()];
    const used = [
      ...[...expr.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, ?/)),
      ...[...expr.matchAll(/\b(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = ""]) => label),
    ];
    expect(
      used.filter((label) => label !== "" && !labels.includes(label)),
      place,
    ).toEqual([]);
  }
});

test("every alert has its section of the runbook, which says whom it concerns and what to do", () => {
  const sections = new Map(
    read("RUNBOOK.md")
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf("\n")), section]),
  );
  expect([...sections.keys()].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  for (const { alert = "", annotations, labels } of alerts) {
    // GitHub's anchors of headings are their text in lower case.
    expect(annotations?.runbook_url).toBe(
      `{{ or $externalLabels.runbook "deploy/RUNBOOK.md" }}#${alert.toLowerCase()}`,
    );
    expect(annotations?.summary).toMatch(/^.{20,}\.$/);
    expect(["page", "ticket"]).toContain(labels?.severity);
    const section = sections.get(alert) ?? "";
    for (const part of ["Who is affected", "First look", "What to do"]) expect(section).toContain(`- **${part}:**`);
  }
  const anchors = [...sections.keys()].map((name) => name.toLowerCase());
  for (const [, anchor] of read("RUNBOOK.md").matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
});

test("every alert is tested, to be quiet and to fire", () => {
  interface Tested {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }
  const tested = readdirSync(new URL("prometheus/tests/", deploy)).flatMap((name) => {
    const { tests } = parse(read(`prometheus/tests/${name}`)) as { readonly tests: readonly Tested[] };
    return tests.flatMap((each) => each.alert_rule_test);
  });
  const named = (fires: boolean) =>
    new Set(tested.filter(({ exp_alerts }) => exp_alerts.length > 0 === fires).map(({ alertname }) => alertname));
  for (const { alert = "" } of alerts) {
    expect(named(true)).toContain(alert);
    expect(named(false)).toContain(alert);
  }
});
