/** What of a condition an operation carries out itself, and where in the request that goes. */
import type { Condition, Test } from "./condition.ts";
import type { FilterRule, ReadOperation, Slot, SourceOperator } from "./declaration.ts";
import { type Assignment, namesIn } from "./request.ts";
import type { QueriedField } from "./resource.ts";
import { jsonOf, spelled } from "./spelling.ts";

export interface PushedDown {
  readonly assignments: readonly Assignment[];
  readonly pushed: readonly Test[];
  /** What is left to be done; all of it must hold. */
  readonly rest: readonly Condition[];
  /** What the pushed comparisons say fields are that rows don't hold. */
  readonly constants: ReadonlyMap<QueriedField, string>;
  /** Names in the path that nothing fills. */
  readonly unfilled: readonly string[];
}

/** @param parts all of which must hold */
export function pushDown(operation: ReadOperation, parts: readonly Condition[]): PushedDown {
  const assignments: Assignment[] = [];
  const pushed: Test[] = [];
  const rest: Condition[] = [];
  const constants = new Map<QueriedField, string>();
  const taken = new Set<string>();
  for (const part of parts) {
    const rule = part.kind === "test" ? ruleFor(operation, part, taken) : undefined;
    if (part.kind !== "test" || rule === undefined) {
      rest.push(part);
      continue;
    }
    taken.add(slotKey(rule.slot));
    pushed.push(part);
    assignments.push(...assignmentsOf(rule, part));
    if (part.field.parameter && part.operator === "eq") constants.set(part.field, part.values[0] ?? "");
  }
  const filled = new Set(assignments.flatMap(({ slot }) => (slot.in === "path" ? [slot.name] : [])));
  const unfilled = namesIn(operation.path).filter((name) => !filled.has(name));
  return { assignments, pushed, rest, constants, unfilled };
}

const slotKey = (slot: Slot) => `${slot.in} ${slot.in === "body" ? slot.pointer : slot.name}`;

function ruleFor({ filters }: ReadOperation, test: Test, taken: ReadonlySet<string>): FilterRule | undefined {
  return filters.find(
    (rule) =>
      rule.field === test.field.name &&
      isSame(rule.operator, test) &&
      (rule.repeatable || !taken.has(slotKey(rule.slot))) &&
      fits(rule, test),
  );
}

/** One of a list of one is the same as equal to it, and so is none of it. */
function isSame(offered: SourceOperator, { operator, values }: Test): boolean {
  if (offered === operator) return true;
  if (values.length !== 1) return false;
  const pair = `${offered} ${operator}`;
  return ["in eq", "eq in", "not_in ne", "ne not_in"].includes(pair);
}

/** A value that holds what stands between two can't be told from two, and one that holds what stands behind it not from more words of the source's. */
function fits({ separator, slot, template }: FilterRule, { values }: Test): boolean {
  if (slot.in === "path" && values.length !== 1) return false;
  if (slot.in === "header" && values.some((value) => /[^\x20-\x7e]/.test(value))) return false;
  const ending = template.split("{value}")[1]?.charAt(0) ?? "";
  const marks = [separator ?? "", ending, /["'`]/.test(ending) ? "\\" : ""].filter((mark) => mark !== "");
  return !values.some((value) => marks.some((mark) => value.includes(mark)));
}

function assignmentsOf(rule: FilterRule, { field, values, path }: Test): Assignment[] {
  const { slot, template, separator, spelling } = rule;
  const written = (text: string) => template.replaceAll("{value}", () => text);
  const texts = values.map((value) => spelled(value, field, spelling));
  if (texts.length === 0) return [{ slot, text: template, json: template, path }];
  if (separator !== undefined) {
    const text = written(texts.join(separator));
    return [{ slot, text, json: text, path }];
  }
  const isList = rule.operator === "in" || rule.operator === "not_in";
  return texts.map((text, i) => ({
    ...{ slot, text: written(text), path },
    json: template === "{value}" ? jsonOf(values[i] ?? "", field) : written(text),
    ...(isList || rule.repeatable ? { several: true as const } : {}),
  }));
}
