/** `deploy/Dockerfile` in parts, and what `.dockerignore` lets it see. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const text = readFileSync(path.join(root, "deploy/Dockerfile"), "utf8");

export interface Instruction {
  readonly keyword: string;
  readonly argument: string;
}

export interface Stage {
  /** Undefined for the last one, which is what runs. */
  readonly name: string | undefined;
  readonly image: string;
  readonly instructions: readonly Instruction[];
}

/** No instruction goes over several lines. */
export const stages: readonly Stage[] = text
  .split(/^(?=FROM )/m)
  .slice(1)
  .map((part) => {
    const lines = part.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const [, image = "", name] = /^FROM (\S+)(?: AS (\S+))?$/.exec(lines[0] ?? "") ?? [];
    const instructions = lines.slice(1).map((line) => {
      const [keyword = ""] = line.split(" ");
      return { keyword, argument: line.slice(keyword.length + 1) };
    });
    return { name, image, instructions };
  });

export const last = stages.at(-1) as Stage;

/** The last stage's arguments of a keyword. */
export const argumentsOf = (keyword: string): string[] =>
  last.instructions.filter((each) => each.keyword === keyword).map(({ argument }) => argument);

/** The paths that a build may copy. All others are kept out by its first line, `*`. */
export function visiblePaths(): string[] {
  const lines = readFileSync(path.join(root, ".dockerignore"), "utf8").split("\n");
  const [first, ...rest] = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const others = rest.filter((line) => !/^![\w.-]+$/.test(line));
  if (first !== "*" || others.length > 0) throw new Error(`.dockerignore is no list of names: ${others.join(", ")}`);
  return rest.map((line) => line.slice(1));
}
