/**
 * The suite that every provider passes: one service, one source and one connector, and
 * all cases asked of them in turn. A provider's test is its fixture and one call of
 * `providerConformance`.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadCatalogue } from "../../src/providers/catalogue.ts";
import type { Provider } from "../../src/providers/contract.ts";
import { anew } from "../support/patience.ts";
import type { TestService } from "../support/service.ts";
import type { CaseOf, Cases } from "./case.ts";
import { actionCases } from "./cases/actions.ts";
import { errorCases } from "./cases/errors.ts";
import { explainCases } from "./cases/explain.ts";
import { filterCases } from "./cases/filter.ts";
import { hostileCases } from "./cases/hostile.ts";
import { lackCases } from "./cases/lacks.ts";
import { limitCases } from "./cases/limits.ts";
import { logicCases } from "./cases/logic.ts";
import { lossCases } from "./cases/loss.ts";
import { nativeCases } from "./cases/native.ts";
import { orderCases } from "./cases/order.ts";
import { pagingCases } from "./cases/paging.ts";
import { queryCases } from "./cases/query.ts";
import { schemaCases } from "./cases/schema.ts";
import { stopCases } from "./cases/stop.ts";
import { streamCases } from "./cases/stream.ts";
import { testCases } from "./cases/test.ts";
import { valueCases } from "./cases/values.ts";
import type { Fixture } from "./fixture.ts";
import type { ReadOnlyFixture } from "./read-only/api.ts";
import { openReadStage } from "./read-only/stage.ts";
import { readOnlyThemes } from "./read-only/themes.ts";
import { type Closable, openStage } from "./stage.ts";

const themes: Readonly<Record<string, Cases>> = {
  "testing a connector": testCases,
  schema: schemaCases,
  values: valueCases,
  query: queryCases,
  filter: filterCases,
  "three-valued logic": logicCases,
  order: orderCases,
  paging: pagingCases,
  limits: limitCases,
  stream: streamCases,
  "stopping a statement": stopCases,
  "losing the source": lossCases,
  "native statements": nativeCases,
  explain: explainCases,
  actions: actionCases,
  "hostile input": hostileCases,
  "errors by kind": errorCases,
};

/** Registers the suite's cases for a provider, by its id, as far as it can do what they are about. */
export function providerConformance(id: string, fixture: Fixture): void {
  // The catalogue is not there until it is loaded, and the cases depend on what it says.
  describe(`provider ${id}`, async () => {
    const definition = (await loadCatalogue()).get(id);
    const all = Object.entries(themes).map(([theme, casesOf]) => [theme, casesOf(fixture)] as const);
    const groups = [...all, ["what the provider can't do", lackCases(definition)] as const];
    register({ definition, groups, title: definition.title, label: id }, () => openStage(definition, fixture));
  });
}

/**
 * Registers the cases that an API can be asked whose data is what it is: all of the suite but
 * those that need tables of the suite's own.
 *
 * @param service shared by several APIs; it is there when the cases begin
 */
export function readOnlyConformance(id: string, fixture: ReadOnlyFixture, service: () => TestService): void {
  describe(`provider ${id}, of ${fixture.name}`, async () => {
    const definition = (await loadCatalogue()).get(id);
    const groups = Object.entries(readOnlyThemes(fixture, definition));
    const label = `${id}, of ${fixture.name},`;
    register({ definition, groups, title: fixture.name, label }, () => openReadStage(definition, fixture, service()));
  });
}

interface Suite<S> {
  readonly definition: Provider;
  readonly groups: readonly (readonly [theme: string, cases: readonly CaseOf<S>[]])[];
  readonly title: string;
  /** What the line at the end calls it. */
  readonly label: string;
}

function register<S>({ definition, groups, title, label }: Suite<S>, open: () => Promise<Closable<S>>): void {
  const isAble = ({ needs }: CaseOf<S>) => needs.every((need) => definition.capabilities.includes(need));
  const able = groups
    .map(([theme, cases]) => [theme, cases.filter(isAble)] as const)
    .filter(([, cases]) => cases.length > 0);
  const count = able.reduce((sum, [, cases]) => sum + cases.length, 0);

  describe(`${title} passes all of ${count} cases`, () => {
    let stage: Closable<S>;
    let passed = 0;
    const start = performance.now();
    beforeAll(async () => {
      stage = await open();
    });
    afterAll(async () => {
      await stage?.close();
      const seconds = ((performance.now() - start) / 1_000).toFixed(1);
      console.log(`conformance: ${label} passes ${passed} of ${count} cases in ${seconds} s`);
    });
    describe.each(able)("%s", (_, cases) => {
      for (const { name, timed, run } of cases) {
        test(name, timed ? anew : {}, async () => {
          await run(stage);
          expect(expect.getState().assertionCalls, "what the case holds against something").toBeGreaterThan(0);
          passed++;
        });
      }
    });
  });
}
