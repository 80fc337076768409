/** The ways to one row that are compared. */

export const cases = {
  pg: "the pg driver, with a pool of its own",
  provider: "the provider's own session: what the pipeline's cost is over",
  pipeline: "the whole pipeline: every stage is on, history and metrics listen",
  kept: "an answer that is kept in memory",
  pipeline_redis: "the whole pipeline, rate limits counted in Redis",
  kept_redis: "an answer that is kept in Redis, sealed; the rate limits are there, too",
} as const;

export type CaseName = keyof typeof cases;

export interface Places {
  readonly databaseUrl: string;
  /** Of the service's own database, where the history goes. */
  readonly storeUrl: string;
  /** Undefined when this machine has no Redis. */
  readonly redisUrl: string | undefined;
}

export interface Turn {
  readonly name: CaseName;
  readonly calls: number;
  readonly concurrency: number;
}
