/** The ways to one document that are compared. */

export const cases = {
  axios: "the same request by an axios instance with a keep-alive agent, its document parsed",
  provider: "the provider's own session: guarded, checked, and its document in packed rows",
  query: "the whole pipeline: every stage is on, history and metrics listen",
} as const;

export type CaseName = keyof typeof cases;

export interface Turn {
  readonly name: CaseName;
  readonly calls: number;
  readonly concurrency: number;
}
