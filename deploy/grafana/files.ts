/** The dashboards, and the files that Grafana reads them from. */

import { dashboardOf } from "./dashboard.ts";
import { connector } from "./dashboards/connector.ts";
import { overview } from "./dashboards/overview.ts";
import { resilience } from "./dashboards/resilience.ts";
import { runtime } from "./dashboards/runtime.ts";
import { security } from "./dashboards/security.ts";
import { streams } from "./dashboards/streams.ts";
import type { DashboardPlan } from "./plan.ts";

/** In the order in which one looks at them. */
export const plans: readonly DashboardPlan[] = [overview, connector, resilience, streams, security, runtime];

/** Each file's name with its text. */
export function dashboardFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    plans.map((plan) => [`${plan.id}.json`, `${JSON.stringify(dashboardOf(plan), null, 2)}\n`]),
  );
}
