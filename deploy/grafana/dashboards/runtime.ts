import type { DashboardPlan, RowPlan } from "../plan.ts";

/** Metrics that every program has, of this service's replicas. */
const ours = (expr: string) => `${expr} * on (job, instance) group_left () connector_build_info`;

const replicas: RowPlan = {
  title: "Replicas",
  panels: [
    {
      title: "Up",
      description:
        "Replicas that are scraped. Fewer than there should be: kubectl get pods, or the log of the one that is gone.",
      ...{ as: "figure", unit: "short", width: 6 },
      queries: [{ expr: "count(connector_build_info)", legend: "up" }],
    },
    {
      title: "Youngest",
      description: "Since its start. Seconds, again and again: it crashes; its last log lines say why.",
      ...{ as: "figure", unit: "s", width: 6 },
      queries: [{ expr: `time() - max(${ours("process_start_time_seconds")})`, legend: "up for" }],
    },
    {
      title: "Draining",
      description: "Replicas that were told to stop, and still finish calls. For longer than DRAIN_SECONDS: end them.",
      ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 3 } },
      queries: [{ expr: "sum(connector_draining)", legend: "draining" }],
    },
    {
      title: "Own database",
      description: "1 when it has answered every replica at the last scrape. 0: calls fail with SERVICE_UNAVAILABLE.",
      ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 0.5 } },
      queries: [{ expr: "min(connector_store_up)", legend: "answers" }],
    },
    {
      title: "What runs",
      description: "Two versions for longer than a rolling upgrade takes: it has stopped half way.",
      ...{ as: "areas", unit: "short", width: 24 },
      queries: [
        {
          expr: "count by (version, commit, node) (connector_build_info)",
          legend: "{{version}} ({{commit}}), Node.js {{node}}",
        },
      ],
    },
  ],
};

const processes: RowPlan = {
  title: "Processes",
  panels: [
    {
      title: "CPU",
      description:
        "Cores, in each replica. At 1 the event loop is full: add replicas; nothing in one process will help.",
      ...{ as: "lines", unit: "short", width: 8, limits: { fair: 0.7, bad: 0.9 } },
      queries: [{ expr: ours("rate(process_cpu_seconds_total[$__rate_interval])"), legend: "{{instance}}" }],
    },
    {
      title: "Event loop lag",
      description:
        "The 99th percentile between two scrapes. Over 0.1 s everybody waits: look at CPU and garbage collection, and at " +
        "who sends much (Overview, ListQueries).",
      ...{ as: "lines", unit: "s", width: 8, limits: { fair: 0.05, bad: 0.1 } },
      queries: [{ expr: ours("nodejs_eventloop_lag_p99_seconds"), legend: "{{instance}}" }],
    },
    {
      title: "Garbage collection",
      description:
        "Part of the time, by kind. `major` over 0.05: the heap is nearly full; raise the memory, or find the leak.",
      ...{ as: "areas", unit: "percentunit", width: 8 },
      queries: [
        {
          expr: `sum by (kind) (${ours("rate(nodejs_gc_duration_seconds_sum[$__rate_interval])")})`,
          legend: "{{kind}}",
        },
      ],
    },
    {
      title: "Memory",
      description:
        "Resident, in each replica. A saw is well; a slope over days is a leak: take a heap snapshot before it is killed.",
      ...{ as: "lines", unit: "bytes", width: 8 },
      queries: [{ expr: ours("process_resident_memory_bytes"), legend: "{{instance}}" }],
    },
    {
      title: "Heap and buffers",
      description:
        "Heap in use, and buffers beside it: rows on their way. Buffers that grow with open streams are readers that wait.",
      ...{ as: "areas", unit: "bytes", width: 8 },
      queries: [
        { expr: `sum(${ours("nodejs_heap_size_used_bytes")})`, legend: "heap" },
        { expr: `sum(${ours("nodejs_external_memory_bytes")})`, legend: "buffers" },
      ],
    },
    {
      title: "Open files and sockets",
      description:
        "Part of what may be open. Near 1 nothing can be opened: raise `ulimit -n`, or find who leaks sockets.",
      ...{ as: "lines", unit: "percentunit", width: 8, limits: { fair: 0.7, bad: 0.9 } },
      queries: [{ expr: ours("process_open_fds / process_max_fds"), legend: "{{instance}}" }],
    },
  ],
};

const dependencies: RowPlan = {
  title: "What replicas share, and keep",
  panels: [
    {
      title: "Shared state",
      description:
        "1 while a replica reaches it. `redis` at 0: limits and kept answers are each replica's own. `changes` at 0: " +
        "connectors are read for every call, which is slower and as right.",
      ...{ as: "lines", unit: "short", width: 8 },
      queries: [{ expr: "min by (part) (connector_shared_state_up)", legend: "{{part}}" }],
    },
    {
      title: "Kept answers",
      description:
        "Queries that accept one, by whether there was one. Mostly `miss`: they are asked with other values each time, or " +
        "CACHE_MEGABYTES is too little.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        { expr: "sum by (result) (rate(connector_cache_lookups_total[$__rate_interval]))", legend: "{{result}}" },
      ],
    },
    {
      title: "RPCs that run, and sessions",
      description:
        "In each replica. One with many more than others: the load balancer keeps to it (HTTP/2: balance by call).",
      ...{ as: "lines", unit: "short", width: 8 },
      queries: [
        { expr: "connector_rpcs_running", legend: "RPCs, {{instance}}" },
        { expr: "connector_sessions", legend: "sessions, {{instance}}" },
      ],
    },
  ],
};

export const runtime: DashboardPlan = {
  id: "runtime",
  title: "Runtime",
  description: "The replicas themselves: processes, memory, event loop, and what they live on.",
  variables: [],
  rows: [replicas, processes, dependencies],
};
