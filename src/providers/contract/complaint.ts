/** What is said of a value that a provider's declaration does not take: what it takes, and never the value. */
import { z } from "zod";

type RawIssue = z.core.$ZodRawIssue;

/** Of zod's own checks; what a declaration says in words of its own goes before it. */
export const complaint: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === "unrecognized_keys") return `is not a field here${instead(issue)}`;
  const expectation = expected(issue);
  if (expectation === undefined) return;
  return isMissing(issue) ? `is required: ${expectation}` : `must be ${expectation}`;
};

/** An unknown tag of a union is told of the object that should have it. */
function isMissing({ input, ...issue }: RawIssue): boolean {
  const { discriminator } = issue as { readonly discriminator?: string };
  return discriminator === undefined ? input === undefined : !Object.hasOwn(input as object, discriminator);
}

/**
 * The issues that help: of several shapes that a value may have, those of the shape that it
 * has, if it has one, and else one issue that names all of them; of a wrong key what is wrong
 * with it.
 */
export function helpful(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code === "invalid_key") return issue.issues.map((each) => ({ ...each, path: issue.path }));
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.filter((each) => !each.some(isOfAnotherShape));
  const [only, ...others] = meant;
  if (only === undefined || others.length > 0) return [issue];
  return only.flatMap((each) => helpful({ ...each, path: [...issue.path, ...each.path] }));
}

const isOfAnotherShape = ({ code, path }: z.core.$ZodIssue) =>
  code === "unrecognized_keys" || (path.length === 0 && (code === "invalid_type" || code === "invalid_value"));

/** What would be right, for a sentence that begins with "must be". */
function expected(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return nouns[issue.expected] ?? `a ${issue.expected}`;
    case "invalid_value":
      return oneOf(issue.values.map((value) => JSON.stringify(value)));
    case "invalid_union":
      if (issue.discriminator !== undefined) return oneOf(tagsOf(issue.options));
      return issue.inst instanceof z.ZodUnion ? oneOf(issue.inst.options.map(shapeOf)) : undefined;
    case "too_big":
      return sized("at most", issue.maximum, issue.origin);
    case "too_small":
      return sized("at least", issue.minimum, issue.origin);
    default:
      return;
  }
}

const tagsOf = (options: unknown) => (Array.isArray(options) ? options.map((each) => JSON.stringify(each)) : []);

const nouns: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "an array",
  tuple: "an array",
  int: "an integer",
  boolean: "true or false",
};

const units: Readonly<Record<string, string>> = { string: "character", array: "item" };

function sized(limit: string, amount: number | bigint, origin: string): string {
  const unit = units[origin];
  if (unit === undefined) return `${limit} ${amount}`;
  return `of ${limit} ${amount} ${unit}${Number(amount) === 1 ? "" : "s"}`;
}

/** One of the shapes that a value may have: `a string`, `{ "header" }`. */
function shapeOf(option: z.core.$ZodType): string {
  if (option instanceof z.ZodEnum) return oneOf(option.options.map((each) => JSON.stringify(each)));
  if (!(option instanceof z.ZodObject)) return nouns[option._zod.def.type] ?? `a ${option._zod.def.type}`;
  const needed = Object.entries(option.shape).filter(([, part]) => (part as z.core.$ZodType)._zod.optin !== "optional");
  return `{ ${needed.map(([name]) => JSON.stringify(name)).join(", ")} }`;
}

function oneOf(choices: readonly string[]): string {
  const [last = "", ...others] = [...choices].reverse();
  return others.length === 0 ? last : `${others.reverse().join(", ")} or ${last}`;
}

/** The names that there are, where they fit into a sentence. */
function instead({ inst }: RawIssue): string {
  const names = inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
  if (names.length === 0 || names.length > 30) return "";
  return `; ${names.length === 1 ? "the only one is" : "there are"} ${names.join(", ")}`;
}
