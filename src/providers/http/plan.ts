/** How a query of a resource is carried out: by which operation, with what in its slots, and what is left to do. */
import { Failure, type FieldViolation, invalidRequest } from "../../failure.ts";
import type { Paging, ResourceQuery } from "../contract.ts";
import { fieldNamed } from "../query/field.ts";
import { type Condition, conditionOf, type Matcher, matcherOf, partsOf, type Test, testsIn } from "./condition.ts";
import type { OrderRule, ReadOperation } from "./declaration.ts";
import { type PushedDown, pushDown } from "./pushdown.ts";
import { type Assignment, assigned } from "./request.ts";
import type { QueriedField, QueriedResource } from "./resource.ts";

export interface ReadPlan {
  readonly resource: QueriedResource;
  readonly operation: ReadOperation;
  /** Of the filter, the order and the fields; those of the page come with each page. */
  readonly assignments: readonly Assignment[];
  /** What the caller sees. */
  readonly fields: readonly QueriedField[];
  /** What is read of each row: of `fields` those that rows hold, and what the filter needs besides. */
  readonly read: readonly QueriedField[];
  /** The cells of fields that rows don't hold. */
  readonly constants: ReadonlyMap<QueriedField, string>;
  /** What the source does not filter by; undefined when it does all of it. */
  readonly rest: Condition | undefined;
  /** Says it of the cells of `read`. */
  readonly matches: Matcher | undefined;
  /** Where the comparisons that `matches` makes stand in the request. */
  readonly postFiltered: readonly string[];
  readonly pushedDown: readonly string[];
  readonly limit: number | undefined;
}

/**
 * @throws Failure `unknown_field`, or `invalid_request` for what neither the source can do nor
 *   the query allows to be done here, with what is possible
 */
export function planRead(query: ResourceQuery, resource: QueriedResource): ReadPlan {
  const fields = fieldsOf(query, resource);
  const order = query.orderBy.map(({ field, descending }, i) => {
    return { field: fieldNamed(resource, field, `query.order_by[${i}].field`), descending, at: i };
  });
  const condition = query.filter === undefined ? undefined : conditionOf(query.filter, resource);
  const { operation, down } = chosen(resource, partsOf(condition), order);
  refuseRest(query, operation, down);
  const matched = down.rest.flatMap(testsIn).map(({ field }) => field);
  const read = [...new Set([...fields, ...matched])].filter(({ parameter }) => !parameter);
  const ordered = orderAssignments(operation.order, order);
  const selected = selection(query, operation, resource, read);
  const rest: Condition | undefined = down.rest.length === 0 ? undefined : { kind: "all", parts: down.rest };
  return {
    ...{ resource, operation, fields, read, constants: down.constants, rest, limit: query.limit },
    assignments: [...down.assignments, ...ordered, ...selected],
    matches: rest === undefined ? undefined : matcherOf(rest, read),
    postFiltered: down.rest.flatMap(testsIn).map(({ path }) => path),
    pushedDown: [
      ...(selected.length > 0 ? ["fields"] : []),
      ...(down.rest.length > 0 ? down.pushed.map(({ path }) => path) : query.filter === undefined ? [] : ["filter"]),
      ...(ordered.length > 0 ? ["order_by"] : []),
      ...(query.limit !== undefined && operation.paging.size !== undefined ? ["limit"] : []),
      ...(operation.paging.style === "none" ? [] : ["page_token"]),
    ],
  };
}

/** How the pages of an operation are cut. */
export function pagingOf({ paging }: ReadOperation): Paging {
  switch (paging.style) {
    case "after":
      return paging.keyset ? "keyset" : "source";
    case "none":
    case "page":
    case "offset":
      return "offset";
    default:
      return "source";
  }
}

function fieldsOf({ fields }: ResourceQuery, resource: QueriedResource): readonly QueriedField[] {
  if (fields.length === 0) return resource.fields;
  return fields.map((name, i) => fieldNamed(resource, name, `query.fields[${i}]`));
}

interface OrderKey {
  readonly field: QueriedField;
  readonly descending: boolean;
  /** Its place in the request. */
  readonly at: number;
}

interface Chosen {
  readonly operation: ReadOperation;
  readonly down: PushedDown;
}

/** Of the operations that can be sent, the one that leaves the least to be done; of equals the first. */
function chosen(resource: QueriedResource, parts: readonly Condition[], order: readonly OrderKey[]): Chosen {
  const all = resource.reads.map((operation) => ({ operation, down: pushDown(operation, parts) }));
  const sendable = all.filter(({ down }) => down.unfilled.length === 0);
  if (sendable.length === 0) throw unfilled(resource, all);
  const able = sendable.filter(({ operation }) => orderProblem(operation, order) === undefined);
  const [first, ...others] = able;
  if (first === undefined) {
    const [violation] = sendable.flatMap(({ operation }) => orderProblem(operation, order) ?? []).slice(-1);
    throw invalidRequest(violation ?? { field: "query.order_by", description: "can't be carried out" });
  }
  return others.reduce((best, each) => (each.down.rest.length < best.down.rest.length ? each : best), first);
}

function unfilled({ name }: QueriedResource, all: readonly Chosen[]): Failure {
  const wanted = all.map(({ operation, down }) => {
    const fields = operation.filters.flatMap(({ slot, field, operator }) =>
      slot.in === "path" && down.unfilled.includes(slot.name) && operator === "eq" ? [`\`${field}\``] : [],
    );
    return [...new Set(fields)].join(" and ");
  });
  const description = `\`${name}\` is read only with an equality filter of ${[...new Set(wanted)].join(", or of ")}`;
  return new Failure("invalid_request", `query.filter: ${description}`, {
    where: "request",
    remedy: 'Give it as `where: { "field": value }`, or as an EQ that nothing but ANDs stand around.',
    fields: [{ field: "query.filter", description }],
  });
}

/** What the source does not filter by is refused, unless the caller allows that it is done here. */
function refuseRest({ allowPostFilter = false }: ResourceQuery, operation: ReadOperation, { rest }: PushedDown): void {
  const tests = rest.flatMap(testsIn);
  const unreadable = tests.find(({ field }) => field.parameter);
  if (unreadable !== undefined) {
    const description = `rows don't hold \`${unreadable.field.name}\`: it can only be ${possible(operation, unreadable)}`;
    throw invalidRequest({ field: `${unreadable.path}.operator`, description });
  }
  if (allowPostFilter || rest.length === 0) return;
  const violations = tests.map((test): FieldViolation => {
    const { field, operator, path } = test;
    const description = `the source can't carry out ${operator.toUpperCase()} of \`${field.name}\` here: it can be ${possible(operation, test)}`;
    return { field: path, description };
  });
  const [first] = violations;
  throw new Failure("invalid_request", `${first?.field}: ${first?.description}`, {
    where: "request",
    remedy: "Ask for what the source can do, or set `query.allow_post_filter` and the service filters the rows itself.",
    fields: violations,
  });
}

/** What can be asked of the field: `asked EQ and IN, with ANDs only`. */
function possible({ filters }: ReadOperation, { field }: Test): string {
  const operators = [...new Set(filters.filter((rule) => rule.field === field.name).map(({ operator }) => operator))];
  if (operators.length === 0) return "asked nothing";
  return `asked ${operators.map((operator) => operator.toUpperCase()).join(", ")}, each once and joined by AND`;
}

function orderProblem({ order: rule }: ReadOperation, order: readonly OrderKey[]): FieldViolation | undefined {
  const [first, second] = order;
  if (first === undefined) return undefined;
  for (const { field, descending, at } of order) {
    const path = `query.order_by[${at}].field`;
    const quoted = `\`${field.name}\``;
    if (field.comparison !== "ordered") {
      return {
        field: path,
        description: `${quoted} can't be ordered by: values of ${field.nativeType} have no order.`,
      };
    }
    if (rule === undefined)
      return { field: path, description: "the source gives its rows in no order that can be asked for" };
    if (!Object.hasOwn(rule.names, field.name)) {
      const names = Object.keys(rule.names).map((name) => `\`${name}\``);
      return { field: path, description: `the source can't order by ${quoted}; it can by ${names.join(", ")}` };
    }
    if (rule.direction === undefined && (descending ? rule.descending : rule.ascending) === undefined) {
      const can = descending ? "ascending" : "descending";
      return { field: `query.order_by[${at}].descending`, description: `the source orders by ${quoted} ${can} only` };
    }
  }
  if (second !== undefined && rule?.separator === undefined) {
    return { field: `query.order_by[${second.at}]`, description: "the source orders by one field only" };
  }
  return undefined;
}

function orderAssignments(rule: OrderRule | undefined, order: readonly OrderKey[]): Assignment[] {
  const [first] = order;
  if (rule === undefined || first === undefined) return [];
  const seen = new Set<QueriedField>();
  const keys = order.flatMap(({ field, descending }) => {
    if (seen.has(field)) return [];
    seen.add(field);
    const template = (descending ? rule.descending : rule.ascending) ?? "{name}";
    return [template.replaceAll("{name}", () => rule.names[field.name] ?? field.name)];
  });
  const by = assigned(rule.slot, keys.join(rule.separator ?? ""));
  const { direction } = rule;
  if (direction === undefined) return [by];
  return [by, assigned(direction.slot, first.descending ? direction.descending : direction.ascending)];
}

/** The fields that are wanted, when the caller does not want all and the source takes such a list. */
function selection(
  { fields }: ResourceQuery,
  { select, paging }: ReadOperation,
  resource: QueriedResource,
  read: readonly QueriedField[],
): Assignment[] {
  if (select === undefined || fields.length === 0) return [];
  // By these it is seen where a page ends, and whether it was there before.
  const known = resource.fields.filter(
    ({ name, path }) => resource.primaryKey.includes(name) || (paging.style === "after" && paging.last === path),
  );
  const wanted = [...new Set([...read, ...known])].flatMap(({ name }) =>
    Object.hasOwn(select.names, name) ? [select.names[name] as string] : [],
  );
  return wanted.length === 0 ? [] : [assigned(select.slot, wanted.join(select.separator))];
}
