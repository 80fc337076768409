/** Every PromQL expression that dashboards, rules and alerts ask. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { plans } from "../../../deploy/grafana/files.ts";

export interface Question {
  /** Where it stands: `overview: Traffic`, `alert ConnectorStoreDown`. */
  readonly place: string;
  readonly expr: string;
}

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The paths of the rules that Prometheus is to read. */
export const ruleFiles = ["recording.yaml", "alerts.yaml"].map(
  (name) => new URL(`../../../deploy/prometheus/${name}`, import.meta.url).pathname,
);

export function rules(): Rule[] {
  return ruleFiles.flatMap((file) => {
    const { groups } = parse(readFileSync(file, "utf8")) as { groups: { readonly rules: Rule[] }[] };
    return groups.flatMap((group) => group.rules);
  });
}

/** With the variables of dashboards as they stand there. */
export function questions(): Question[] {
  const panels = plans.flatMap(({ id, rows }) =>
    rows.flatMap((row) =>
      row.panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ place: `${id}: ${title}`, expr }))),
    ),
  );
  const ruled = rules().map(({ alert, record, labels, expr }) => ({
    place: alert === undefined ? `rule ${record} ${JSON.stringify(labels ?? {})}` : `alert ${alert}`,
    expr,
  }));
  return [...panels, ...ruled];
}
