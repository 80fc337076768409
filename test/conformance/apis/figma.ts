import type { Mock } from "../../support/prism.ts";
import type { Target } from "../fixture.ts";
import type { ReadOnlyApi, ReadOnlyFixture } from "../read-only/api.ts";
import { answerOf } from "./answer.ts";
import { baseUrl, withBase } from "./network.ts";

const token = "figma's token";

const credential = { type: "api_key", key: token };
const authentication = { type: "api_key", name: "X-Figma-Token" };
const test = { path: "/v1/me" };

/** Figma's API by its own document. */
export function figmaTarget({ url, document }: Mock): Target {
  return { config: { base_url: url, authentication, test, openapi: { document } }, credential };
}

/** As it is when it is unwell. @param answer what prism is asked to answer: `code=429` */
export function unwellFigma({ url }: Mock, answer: string): Target {
  const resources = [{ name: "logs", path: "/v1/activity_logs" }];
  return { config: { base_url: url, authentication, test, resources, headers: { prefer: answer } }, credential };
}

export const figmaFixture = (mock: () => Mock): ReadOnlyFixture => ({
  name: "Figma's API",
  unchanged: "me",
  isMock: true,
  network: baseUrl,
  mistakes: {
    // Prism takes any token, and asks for one.
    credential: ({ config }) => ({ config: { ...config, authentication: none }, credential: none }),
    tls: withBase((base) => base.replace("http:", "https:")),
  },
  open: async () => figmaApi(mock()),
});

const none = { type: "none" };

function figmaApi(figma: Mock): ReadOnlyApi {
  const asked = (path: string, ...names: string[]) =>
    answerOf(figma.url + path, names, { headers: { "x-figma-token": token } });
  const own = figmaTarget(figma);
  return {
    target: async () => own,
    readings: [
      { query: { resource: "me" }, rows: () => asked("/v1/me") },
      {
        query: { resource: "files.comments", where: { file_key: "string" } },
        rows: () => asked("/v1/files/string/comments", "comments"),
        paths: { as_md: undefined },
      },
      {
        query: { resource: "teams.projects", where: { team_id: "42" } },
        rows: () => asked("/v1/teams/42/projects", "projects"),
        paths: { team_id: undefined },
      },
      {
        query: { resource: "activity_logs", where: { order: "desc" } },
        rows: () => asked("/v1/activity_logs?order=desc", "meta", "activity_logs"),
        paths: { ...absent("events", "start_time", "end_time", "limit", "order") },
      },
      { query: { resource: "webhooks", where: { id: "7" } }, rows: () => asked("/v2/webhooks/7") },
    ],
  };
}

const absent = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
