/** The next version of the service: what stands in `src/`, and one migration more. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

export interface NextVersion {
  /** The full path of a program: of "main.ts", for example. */
  program(file: string): string;
  /** The migration's name. */
  readonly migration: string;
  remove(): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const migration = "29990101000000_next_version";

/** Stands in the checkout, where it finds the packages that it imports. */
export async function nextVersion(statements: readonly string[]): Promise<NextVersion> {
  await mkdir(path.join(root, "build"), { recursive: true });
  const directory = await mkdtemp(path.join(root, "build", "next-version-"));
  await cp(path.join(root, "src"), path.join(directory, "src"), { recursive: true });
  await cp(path.join(root, "package.json"), path.join(directory, "package.json"));
  await writeFile(path.join(directory, "src/store/migrations", `${migration}.ts`), sourceOf(statements));
  const list = path.join(directory, "src/store/database.ts");
  const source = await readFile(list, "utf8");
  const longer = source.replace(/(\nconst migrations = \[[^\]]*)\]/, "$1  NextVersion,\n]");
  if (longer === source) throw new Error(`${list} has no list of migrations.`);
  await writeFile(list, `import { NextVersion } from "./migrations/${migration}.ts";\n${longer}`);
  return {
    program: (file) => path.join(directory, "src", file),
    migration,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

const sourceOf = (statements: readonly string[]) => `import { Migration } from "@mikro-orm/migrations";

export class NextVersion extends Migration {
  override readonly name = "${migration}";

  override up(): void {
    for (const statement of ${JSON.stringify(statements)}) this.addSql(statement);
  }
}
`;
