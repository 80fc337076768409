/** The metrics that name connectors: the busiest of late, and all others together as `other`. */
import type { Family, Labels, Sample } from "../exposition.ts";
import type { QuotaFigures } from "../figures.ts";
import type { AttemptEnded, BreakerState, CallEnded, StreamMoved, Subject } from "../observation.ts";
import { callParts, noReason, reasonOf } from "../parts.ts";
import { add, type Distribution, newDistribution, samplesOf } from "../series.ts";
import { createSeats } from "./seats.ts";

/** What is read of each connector at a scrape. */
export interface TopSources {
  readonly breakerState?: (subject: Subject) => BreakerState;
  /** Undefined where its source has said nothing of any. */
  readonly quota?: (subject: Subject) => QuotaFigures | undefined;
}

export interface TopConnectors {
  readonly families: readonly Family[];
  callEnded(ended: CallEnded): void;
  attemptEnded(ended: AttemptEnded): void;
  streamMoved(moved: StreamMoved): void;
}

/** In seconds: fewer than of all calls, as there are so many of them. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** All that is counted of one connector, or of all that have no seat. */
interface Figures {
  /** Undefined for `other`. */
  readonly subject: Subject | undefined;
  readonly labels: Labels;
  readonly calls: Map<string, number>;
  readonly attempts: Map<string, number>;
  readonly duration: Distribution;
  /** Seconds, in the order of `callParts`. */
  readonly parts: number[];
  rows: number;
  bytes: number;
}

/** @param seats How many connectors are named at most */
export function createTopConnectors(seats: number, sources: () => TopSources): TopConnectors {
  const others = new Map<string, Figures>();
  const top = createSeats<Subject, Figures>({ seats, make: (subject) => figuresOf(subject, subject.connectorId) });
  const otherOf = (subject: Subject): Figures => {
    const known = others.get(subject.provider);
    if (known !== undefined) return known;
    const made = { ...figuresOf(subject, "other"), subject: undefined };
    others.set(subject.provider, made);
    return made;
  };
  const of = (subject: Subject) => top.find(subject.connectorId) ?? otherOf(subject);
  return {
    families: familiesOf(() => [...top.read(), ...others.values()], sources),
    callEnded({ subject, method, reason, rows, bytes, timings }) {
      const figures = top.hit(subject.connectorId, subject) ?? otherOf(subject);
      increase(figures.calls, reasonOf(reason));
      add(figures.duration, buckets, timings.total / 1_000);
      for (let i = 0; i < callParts.length; i++) {
        const [part] = callParts[i] as (typeof callParts)[number];
        figures.parts[i] = (figures.parts[i] as number) + timings[part] / 1_000;
      }
      // A stream's have been counted on their way.
      if (method === "StreamQuery") return;
      figures.rows += rows;
      figures.bytes += bytes;
    },
    attemptEnded: ({ subject, reason }) => increase(of(subject).attempts, reasonOf(reason)),
    streamMoved({ subject, rows, bytes }) {
      const figures = of(subject);
      figures.rows += rows;
      figures.bytes += bytes;
    },
  };
}

function figuresOf(subject: Subject, connector: string): Figures {
  return {
    subject,
    labels: { connector, provider: subject.provider },
    // There from the beginning, so that its first increase shows as one.
    ...{ calls: new Map([[noReason, 0]]), attempts: new Map([[noReason, 0]]) },
    duration: newDistribution(buckets),
    parts: callParts.map(() => 0),
    ...{ rows: 0, bytes: 0 },
  };
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

type Read = (figures: Figures) => Iterable<Sample>;

/** All are of the same reading of the seats, which the first of them makes. */
function familiesOf(readSeats: () => readonly Figures[], sources: () => TopSources): Family[] {
  let seats: readonly Figures[] = [];
  const labelNames = ["connector", "provider"];
  const family = (type: Family["type"], name: string, help: string, more: readonly string[], read: Read): Family => ({
    ...{ type, name, help, labelNames: [...labelNames, ...more] },
    read: () => seats.flatMap((figures) => [...read(figures)]),
  });
  const duration = "connector_top_call_duration_seconds";
  const [first, ...rest] = [
    family("counter", "connector_top_calls_total", "Calls that are over, by connector.", ["reason"], (figures) =>
      counted(figures, figures.calls),
    ),
    family("histogram", duration, "From a call's arrival to its end, by connector.", [], (figures) =>
      samplesOf(duration, figures.labels, buckets, figures.duration),
    ),
    family(
      ...(["counter", "connector_top_call_part_seconds_total", "Where the time of calls went, by connector."] as const),
      ["part"],
      ({ labels, parts }) =>
        callParts.map(([, part], i) => ({ labels: { ...labels, part }, value: parts[i] as number })),
    ),
    family("counter", "connector_top_attempts_total", "Attempts at sources, by connector.", ["reason"], (figures) =>
      counted(figures, figures.attempts),
    ),
    family("counter", "connector_top_rows_total", "Rows that were read or changed, by connector.", [], (figures) =>
      one(figures, figures.rows),
    ),
    family("counter", "connector_top_bytes_total", "Bytes of these rows, by connector.", [], (figures) =>
      one(figures, figures.bytes),
    ),
    ...gaugesOf(family, sources),
  ] as [Family, ...Family[]];
  const read: Family["read"] = () => {
    seats = readSeats();
    return first.read();
  };
  return [{ ...first, read }, ...rest];
}

type MakeFamily = (type: Family["type"], name: string, help: string, more: readonly string[], read: Read) => Family;

/** A breaker's state as a number, so that it can be drawn over time. */
const breakerStates: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

/** What is as it is, and read at the scrape: of connectors that are named only. */
function gaugesOf(family: MakeFamily, sources: () => TopSources): Family[] {
  const quotaOf = ({ subject }: Figures) => (subject === undefined ? undefined : sources().quota?.(subject));
  return [
    family("gauge", "connector_top_breaker_state", "Breakers: 0 closed, 1 half open, 2 open.", [], (figures) => {
      const { subject } = figures;
      const state = subject === undefined ? undefined : sources().breakerState?.(subject);
      return one(figures, state === undefined ? undefined : breakerStates[state]);
    }),
    family(
      "gauge",
      "connector_top_quota_left_ratio",
      "The part that is left of the quotas of sources.",
      [],
      (figures) => one(figures, quotaOf(figures)?.left),
    ),
    family("gauge", "connector_top_quota_exhaustion_seconds", "Until quotas of sources are used up.", [], (figures) =>
      one(figures, quotaOf(figures)?.exhaustionSeconds),
    ),
  ];
}

function one({ labels }: Figures, value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

function counted({ labels }: Figures, counts: ReadonlyMap<string, number>): Sample[] {
  return [...counts].map(([reason, value]) => ({ labels: { ...labels, reason }, value }));
}
