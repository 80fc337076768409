/** How rows can be put in order, out of an operation's parameters. */
import type { DeclaredField, OrderRule, Slot } from "../declaration.ts";
import { plain } from "./names.ts";
import type { Operation, Parameter } from "./operations.ts";

export interface Ordering {
  readonly order: OrderRule;
  /** The names of the query parameters that it takes. */
  readonly parameters: readonly string[];
}

const sortNames = new Set(["sort", "sortby", "orderby", "ordering", "sortfield", "sortkey", "order"]);
const directionNames = new Set([
  ...["direction", "order", "sortorder", "sortdirection", "sortdir", "orderdir", "orderdirection", "dir"],
]);

/** How a label says a direction: in front of the name or behind it. */
const spellings: readonly (readonly [ascending: string, descending: string])[] = [
  ["{name}", "-{name}"],
  ["+{name}", "-{name}"],
  ["{name}:asc", "{name}:desc"],
  ["{name} asc", "{name} desc"],
  ["{name}_asc", "{name}_desc"],
  ["{name}.asc", "{name}.desc"],
  ["{name}_ASC", "{name}_DESC"],
];

/**
 * The order that a parameter with a list of fields makes, with a second one for the direction
 * or with both in one. Only fields that are never null can be ordered by: where nulls go, no
 * document says.
 */
export function orderOf(operation: Operation, fields: readonly DeclaredField[]): Ordering | undefined {
  const query = operation.parameters.filter((parameter) => parameter.in === "query");
  const sort = query.find((parameter) => sortNames.has(plain(parameter.name)) && labelsOf(parameter).length > 0);
  if (sort === undefined) return undefined;
  const known = new Map(
    fields.filter(({ nullable, type }) => !nullable && type !== "json").map((field) => [plain(field.name), field]),
  );
  const slot: Slot = { in: "query", name: sort.name };
  const labels = labelsOf(sort);
  const direction = query.find((parameter) => parameter !== sort && directionNames.has(plain(parameter.name)));
  const [up, down] = ["asc", "desc"].map((word) =>
    labelsOf(direction).find((label) => label.toLowerCase().startsWith(word)),
  );
  if (direction !== undefined && up !== undefined && down !== undefined) {
    const names = namesOf(labels, known);
    const rule = { slot: { in: "query", name: direction.name } as const, ascending: up, descending: down };
    const order = { slot, names, ascending: "{name}", descending: "{name}", separator: undefined, direction: rule };
    return Object.keys(names).length === 0 ? undefined : { order, parameters: [sort.name, direction.name] };
  }
  for (const [ascending, descending] of spellings) {
    const both = stems(labels, ascending).filter((stem) => labels.includes(descending.replace("{name}", () => stem)));
    const names = namesOf(both, known);
    if (Object.keys(names).length === 0) continue;
    return { order: { slot, names, ascending, descending, separator: undefined }, parameters: [sort.name] };
  }
  return undefined;
}

function labelsOf(parameter: Parameter | undefined): readonly string[] {
  if (parameter === undefined) return [];
  return parameter.shape.type === "array" ? parameter.items.labels : parameter.shape.labels;
}

/** What labels of this spelling have for `{name}`. */
function stems(labels: readonly string[], spelling: string): string[] {
  const [front = "", behind = ""] = spelling.split("{name}");
  const fitting = labels.filter((label) => label.startsWith(front) && label.endsWith(behind));
  return fitting.map((label) => label.slice(front.length, label.length - behind.length));
}

/** The source's names by the fields': `created` is what `created_at` is called by many. */
function namesOf(labels: readonly string[], known: ReadonlyMap<string, DeclaredField>): Record<string, string> {
  const names = labels.flatMap((label) => {
    const field = known.get(plain(label)) ?? known.get(`${plain(label)}at`);
    return field === undefined ? [] : [[field.name, label] as const];
  });
  return Object.fromEntries(names);
}
