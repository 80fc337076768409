/** The order of test files: a long one that begins last is alone at the end, with all but one processor idle. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The longest first, as they were in a whole run on two cores; they take more than half of it. A machine that has run
 * the tests knows better, but one that is new, as those of CI are, knows only the sizes of the files.
 */
const longest: readonly string[] = [
  "conformance/rest.test.ts",
  "observability/queries.test.ts",
  "service/start.test.ts",
  "replicas/balanced.test.ts",
  "conformance/sqlite.test.ts",
  "service/fair-share.test.ts",
  "replicas/rolling.test.ts",
  "service/action-crash.test.ts",
  "conformance/postgresql.test.ts",
  "conformance/mysql.test.ts",
  "conformance/apis.test.ts",
  "faults/source.test.ts",
  "development.test.ts",
  "faults/store.test.ts",
  "faults/memory.test.ts",
  "providers/mysql/hostile.test.ts",
  "demo/demo.test.ts",
  "deploy/image.test.ts",
  "service/rewrap.test.ts",
  "faults/source-mysql.test.ts",
  "store/unavailable.test.ts",
  "demo/observe.test.ts",
  "service/stream-protocols.test.ts",
  "providers/postgresql/hostile.test.ts",
  "service/stream-stalled.test.ts",
  "service/package.test.ts",
  "store/embedded-owner.test.ts",
  "observability/rules.test.ts",
  "service/hostile-source.test.ts",
  "service/slow-reader.test.ts",
  "service/hostile-sql.test.ts",
  "server/port.test.ts",
  "replicas/shared.test.ts",
  "service/breaker.test.ts",
  "store/changes.test.ts",
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = longest.findIndex((file) => moduleId.endsWith(`/test/${file}`));
  return rank === -1 ? longest.length : rank;
};

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => rankOf(one) - rankOf(other));
  }
}
