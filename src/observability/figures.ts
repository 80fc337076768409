/** What is not told as it happens, but read when somebody asks. What nobody gives has no metric. */
import type { Family, Sample } from "./exposition.ts";

type Figure<Value> = () => Value | undefined | Promise<Value | undefined>;
type Named = Readonly<Record<string, number>>;

/** Any of them may be absent, for good or for now. */
export interface FigureSources {
  /** RPCs that are being answered. */
  readonly rpcsRunning?: Figure<number>;
  /** Calls that have a permit, that wait for one, and that may run at once. */
  readonly bulkhead?: Figure<{ readonly running: number; readonly waiting: number; readonly permits: number }>;
  /** Connections to sources. */
  readonly pool?: Figure<PoolFigures>;
  readonly sessions?: Figure<number>;
  /** By provider: of the quota that is nearest to its end, of all connectors. */
  readonly quotas?: Figure<Readonly<Record<string, QuotaFigures>>>;
  /** Records of calls that never came into the history. */
  readonly historyDropped?: Figure<number>;
  /** Calls of organizations that had more than their share of a busy replica. */
  readonly overShare?: Figure<number>;
  /** What the audit log has yet to do. */
  readonly audit?: Figure<AuditFigures>;
  readonly keys?: Figure<KeyFigures>;
  /** Whether the service's own database answers. */
  readonly storeUp?: Figure<boolean>;
}

export interface PoolFigures {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
  /** That there may be. */
  readonly max: number;
  /** Since the start. */
  readonly opened: number;
}

/** What is known of some quotas of sources. */
export interface QuotaFigures {
  /** The part that is left of the one that is nearest to its end, from 0 to 1. */
  readonly left: number;
  /** Seconds until the first of them is used up; undefined where all last until they are renewed. */
  readonly exhaustionSeconds: number | undefined;
}

export interface AuditFigures {
  /** Seconds since the oldest entry that is not linked; 0 for none. */
  readonly lagSeconds: number;
  /** Entries to be linked, and intents past their time. */
  readonly link: number;
  readonly settle: number;
}

export interface KeyFigures {
  /** How many there are in each state. */
  readonly states: Named;
  /** Seconds; undefined where nobody knows. */
  readonly primaryAgeSeconds: number | undefined;
}

/** @param sources Are asked for at each scrape: some come later than others */
export function figureFamilies(sources: () => FigureSources): Family[] {
  return [...callFigures(sources), ...poolFigures(sources), ...quotaFigures(sources), ...stateFigures(sources)];
}

type Sources = () => FigureSources;

function callFigures(sources: Sources): Family[] {
  const bulkhead = () => sources().bulkhead?.();
  return [
    gauge("connector_rpcs_running", "RPCs that are being answered.", () => sources().rpcsRunning?.()),
    counter("connector_over_share_total", "RPCs refused unread, of organizations with more than their share.", () =>
      sources().overShare?.(),
    ),
    gaugesBy("state", "connector_bulkhead_calls", "Calls in the bulkhead, by what they do.", async () => {
      const figures = await bulkhead();
      return figures && { running: figures.running, waiting: figures.waiting };
    }),
    gauge("connector_bulkhead_permits", "Calls that may run at once.", async () => (await bulkhead())?.permits),
    counter("connector_history_dropped_total", "Records of calls that are not in the history.", () =>
      sources().historyDropped?.(),
    ),
  ];
}

function poolFigures(sources: Sources): Family[] {
  const pool = () => sources().pool?.();
  return [
    gaugesBy("state", "connector_pool_connections", "Connections to sources, by their use.", async () => {
      const figures = await pool();
      return figures && { used: figures.used, idle: figures.idle };
    }),
    gauge(
      "connector_pool_connections_max",
      "Connections to sources that there may be.",
      async () => (await pool())?.max,
    ),
    gauge(
      "connector_pool_waiting",
      "Connections that wait for room to be opened.",
      async () => (await pool())?.waiting,
    ),
    counter(
      "connector_pool_connections_opened_total",
      "Connections that got room.",
      async () => (await pool())?.opened,
    ),
    gauge("connector_sessions", "Sessions that are kept; an idle one has no connections.", () =>
      sources().sessions?.(),
    ),
  ];
}

function quotaFigures(sources: Sources): Family[] {
  const by = (figure: (quota: QuotaFigures) => number | undefined) => async () => {
    const quotas = await sources().quotas?.();
    return quotas && Object.fromEntries(definedOf(Object.entries(quotas).map(([name, one]) => [name, figure(one)])));
  };
  return [
    gaugesBy(
      "provider",
      "connector_quota_left_ratio",
      "The part that is left of the quota which is nearest to its end, of all connectors of a provider.",
      by(({ left }) => left),
    ),
    gaugesBy(
      "provider",
      "connector_quota_exhaustion_seconds",
      "Until the first quota of a provider's connectors is used up, at the rate of late.",
      by(({ exhaustionSeconds }) => exhaustionSeconds),
    ),
  ];
}

function stateFigures(sources: Sources): Family[] {
  const audit = () => sources().audit?.();
  const keys = () => sources().keys?.();
  return [
    gauge(
      "connector_audit_lag_seconds",
      "Age of the oldest audit entry that is not linked into its chain.",
      async () => (await audit())?.lagSeconds,
    ),
    gaugesBy("task", "connector_audit_backlog", "Audit entries that wait to be linked, or settled.", async () => {
      const figures = await audit();
      return figures && { link: figures.link, settle: figures.settle };
    }),
    gaugesBy("state", "connector_keys", "Encryption keys, by their state.", async () => (await keys())?.states),
    gauge(
      "connector_key_primary_age_seconds",
      "Since the primary key was made.",
      async () => (await keys())?.primaryAgeSeconds,
    ),
    gauge("connector_store_up", "1 when the service's own database has answered.", async () => {
      const up = await sources().storeUp?.();
      return up === undefined ? undefined : Number(up);
    }),
  ];
}

function definedOf(entries: readonly (readonly [string, number | undefined])[]): (readonly [string, number])[] {
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

function single(type: "counter" | "gauge", name: string, help: string, figure: Figure<number>): Family {
  const read = async (): Promise<Sample[]> => {
    const value = await figure();
    return value === undefined ? [] : [{ labels: {}, value }];
  };
  return { type, name, help, labelNames: [], read };
}

const counter = (name: string, help: string, figure: Figure<number>) => single("counter", name, help, figure);
const gauge = (name: string, help: string, figure: Figure<number>) => single("gauge", name, help, figure);

/** A series for each figure, by its name. */
function gaugesBy(label: string, name: string, help: string, figures: Figure<Named>): Family {
  const read = async (): Promise<Sample[]> =>
    Object.entries((await figures()) ?? {}).map(([named, value]) => ({ labels: { [label]: named }, value }));
  return { type: "gauge", name, help, labelNames: [label], read };
}
