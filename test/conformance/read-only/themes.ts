/** All that is asked of an API that can only be read, by theme. */
import type { Provider } from "../../../src/providers/contract.ts";
import { mistakeCases } from "../cases/errors.ts";
import { lackCases } from "../cases/lacks.ts";
import { rateCases } from "../cases/limits.ts";
import { silenceCases } from "../cases/loss.ts";
import { testCases } from "../cases/test.ts";
import { actingCases } from "./acting.ts";
import type { ReadCase, ReadOnlyFixture } from "./api.ts";
import { filterCases } from "./filter.ts";
import { hostileCases } from "./hostile.ts";
import { orderCases, pagingCases, tokenCases } from "./paging.ts";
import { stopCases } from "./stop.ts";
import { valueCases } from "./values.ts";

export function readOnlyThemes(fixture: ReadOnlyFixture, definition: Provider): Record<string, readonly ReadCase[]> {
  const isAsked = ({ about }: ReadCase) => about === undefined || !(fixture.lacks ?? []).includes(about);
  const themes = Object.entries(allThemes(fixture, definition));
  return Object.fromEntries(themes.map(([theme, cases]) => [theme, cases.filter(isAsked)]));
}

const allThemes = (fixture: ReadOnlyFixture, definition: Provider): Record<string, readonly ReadCase[]> => ({
  "testing a connector": testCases(),
  "what is read": valueCases,
  filter: filterCases,
  order: orderCases,
  paging: [...pagingCases, ...(fixture.isMock ? [] : tokenCases)],
  limits: rateCases(),
  "stopping a call": stopCases(fixture.network),
  "losing the source": silenceCases(fixture.network),
  actions: actingCases,
  "hostile input": hostileCases(fixture.network),
  "errors by kind": mistakeCases(fixture),
  "what the provider can't do": lackCases(definition),
});
