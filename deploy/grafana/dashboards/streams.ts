import { type DashboardPlan, ofProvider, providers } from "../plan.ts";

const ofStreams = `method="StreamQuery", ${ofProvider}`;

export const streams: DashboardPlan = {
  id: "streams",
  title: "Streams",
  description: "Streams of rows: how many run, how fast they are, and who holds them up.",
  variables: [providers],
  rows: [
    {
      title: "What runs",
      panels: [
        {
          title: "Open",
          description:
            "Streams that have begun and not ended, in each replica. Each holds a connection and a permit: when it only " +
            "grows, readers don't finish; see Waiting for readers.",
          ...{ as: "lines", unit: "short", width: 8 },
          queries: [{ expr: "connector_streams_open", legend: "{{instance}}" }],
        },
        {
          title: "Begun",
          description: "A burst of many short ones is a reader that begins again and again: see How streams end.",
          ...{ as: "areas", unit: "reqps", width: 8 },
          queries: [
            {
              expr: `sum by (provider) (rate(connector_streams_opened_total{${ofProvider}}[$__rate_interval]))`,
              legend: "{{provider}}",
            },
          ],
        },
        {
          title: "How streams end",
          description:
            "`none` is complete. `slow_reader`: the reader took nothing for STREAM_STALL_SECONDS. `cancelled`: it left. " +
            "`upstream_lost`: the source went away in the middle; the reader has to begin again.",
          ...{ as: "areas", unit: "reqps", width: 8 },
          queries: [
            {
              expr: `sum by (reason) (rate(connector_calls_total{${ofStreams}}[$__rate_interval]))`,
              legend: "{{reason}}",
            },
          ],
        },
        {
          title: "Rows",
          description: "Of streams, while they run. Falls with as many open: sources or readers are slow; see below.",
          ...{ as: "areas", unit: "rowsps", width: 12 },
          queries: [
            {
              expr: `sum by (provider) (rate(connector_rows_total{${ofStreams}}[$__rate_interval]))`,
              legend: "{{provider}}",
            },
          ],
        },
        {
          title: "Bytes",
          description: "Of these rows. Compare with the network of the machine: at its limit nothing else helps.",
          ...{ as: "areas", unit: "Bps", width: 12 },
          queries: [
            {
              expr: `sum by (provider) (rate(connector_bytes_total{${ofStreams}}[$__rate_interval]))`,
              legend: "{{provider}}",
            },
          ],
        },
      ],
    },
    {
      title: "Who holds them up",
      panels: [
        {
          title: "Waiting for readers",
          description:
            "Streams, on average, that wait for their reader to take a batch. Near the number of open ones: the readers, or " +
            "the network to them, are the slow part, and not the source.",
          ...{ as: "lines", unit: "short", width: 8 },
          queries: [
            {
              expr: `sum by (provider) (rate(connector_stream_reader_wait_seconds_total{${ofProvider}}[$__rate_interval]))`,
              legend: "{{provider}}",
            },
          ],
        },
        {
          title: "Stalls",
          description:
            "Batches that a reader let wait for a second or more. Some are pauses of a consumer; many are one that does work " +
            "between batches: let it buffer, or read pages by Query instead.",
          ...{ as: "lines", unit: "reqps", width: 8 },
          queries: [
            {
              expr: `sum by (provider) (rate(connector_stream_stalls_total{${ofProvider}}[$__rate_interval]))`,
              legend: "{{provider}}",
            },
          ],
        },
        {
          title: "Ended for slow readers",
          description:
            "Their connection was given back and they got SLOW_READER. Any at all: find the reader by ListQueries, and " +
            "raise STREAM_STALL_SECONDS only when its pauses are meant.",
          ...{ as: "lines", unit: "reqps", width: 8, limits: { fair: 0.01, bad: 1 } },
          queries: [{ expr: "sum(rate(connector_slow_readers_total[$__rate_interval]))", legend: "ended" }],
        },
        {
          title: "Until the source answers",
          description:
            "From the permit to the first batch, at the 95th percentile. Grows alone: the source's queries (ExplainQuery); " +
            "together with Resilience's waits: its load.",
          ...{ as: "lines", unit: "s", width: 12 },
          queries: [
            {
              expr: `histogram_quantile(0.95, sum by (le, provider) (rate(connector_attempt_duration_seconds_bucket{${ofProvider}}[$__rate_interval])))`,
              legend: "{{provider}}",
              exemplars: true,
            },
          ],
        },
        {
          title: "Duration of streams",
          description:
            "To the last batch. Those near STREAM_TIMEOUT_SECONDS are about to be cut: split what they read, or give the " +
            "connector a longer policy.default_timeout.",
          ...{ as: "lines", unit: "s", width: 12 },
          queries: [0.5, 0.95].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(connector_call_duration_seconds_bucket{${ofStreams}}[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
            exemplars: true,
          })),
        },
      ],
    },
  ],
};
