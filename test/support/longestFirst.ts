/** The order of test files: a long one that begins last is alone at the end, with all but one processor idle. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The longest first, as they were in a whole run on two cores; they take a third of it. A machine that has run
 * the tests knows better, but one that is new, as those of CI are, knows only the sizes of the files.
 */
const longest: readonly string[] = [
  "service/start.test.ts",
  "conformance/rest.test.ts",
  "conformance/sqlite.test.ts",
  "demo/demo.test.ts",
  "conformance/postgresql.test.ts",
  "faults/store.test.ts",
  "conformance/mysql.test.ts",
  "service/lost-source.test.ts",
  "providers/postgresql/hostile.test.ts",
  "service/action-crash.test.ts",
  "store/unavailable.test.ts",
  "store/embedded-owner.test.ts",
  "development.test.ts",
  "replicas/rolling.test.ts",
  "providers/mysql/hostile.test.ts",
  "faults/memory.test.ts",
  "faults/source.test.ts",
  "store/changes.test.ts",
  "store/store.test.ts",
  "store/embedded.test.ts",
  "service/slow-reader.test.ts",
  "providers/postgresql/settled.test.ts",
  "service/hostile-sql.test.ts",
  "service/stream-protocols.test.ts",
  "execution/history-writing.test.ts",
  "service/package.test.ts",
  "service/rewrap.test.ts",
  "faults/source-mysql.test.ts",
  "faults/server.test.ts",
  "service/breaker.test.ts",
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
