/**
 * What the nodes of a parsed statement call and read.
 *
 * A function is called by its name, but also by an operator, by a cast, and as if it were
 * a column (`city.area`, where `area` takes a row of `city`). What only the catalogue can
 * tell is given as references; the rest is decided here.
 *
 * @see https://github.com/pganalyze/libpg_query/blob/18-latest/protobuf/pg_query.proto
 */
import { effectOf, isAllowedBuiltin } from "./functions.ts";
import { isShownSetting } from "./settings.ts";
import { isReadable } from "./system-relations.ts";

/** A name that may lead to a function. */
export interface Reference {
  /** A `field` may be a function of one row; a `cast` is to the type of this name. */
  readonly kind: "function" | "operator" | "cast" | "field";
  /** Undefined when the search path is to find it. */
  readonly schema: string | undefined;
  readonly name: string;
}

export interface Findings {
  refer(reference: Reference): void;
}

/** A node as the parser's JSON has it. */
export type Tree = Readonly<Record<string, unknown>>;

/** A node inside of another, or an empty one. */
export function treeOf(node: unknown, key: string): Tree {
  return ((node as Tree | undefined)?.[key] ?? {}) as Tree;
}

/** Tells of one node what it refers to, and returns what is wrong with it, in a sentence. */
export function look(key: string, node: Tree, found: Findings): string | undefined {
  return looks.get(key)?.(node, found);
}

type Look = (node: Tree, found: Findings) => string | undefined;

const system = "pg_catalog";
/** Of tables of a sample: PostgreSQL's own and its extensions', which only read. */
const sampling = new Set(["bernoulli", "system", "system_rows", "system_time"]);

/** Before PostgreSQL 16 and 17 these were no words of the language, but names of anybody's functions. */
const formerFunctions: Readonly<Record<string, string>> = {
  JsonScalarExpr: "json_scalar",
  JsonParseExpr: "json",
  JsonSerializeExpr: "json_serialize",
  JsonObjectConstructor: "json_object",
  JsonArrayConstructor: "json_array",
  JsonArrayQueryConstructor: "json_array",
  JsonObjectAgg: "json_objectagg",
  JsonArrayAgg: "json_arrayagg",
  MergeSupportFunc: "merge_action",
};

/** A map, since some of the parser's words are also those of every object: `constructor`. */
const looks: ReadonlyMap<string, Look> = new Map<string, Look>(
  Object.entries<Look>({
    FuncCall: lookAtCall,
    A_Expr: ({ kind, name }, found) => {
      const names = String(kind).includes("BETWEEN") ? [">=", "<=", "<", ">"].map((each) => [each]) : [namesOf(name)];
      for (const each of names) referTo("operator", each, found);
      return undefined;
    },
    SubLink: ({ operName }, found) => referTo("operator", namesOf(operName), found),
    SortBy: ({ useOp }, found) => referTo("operator", namesOf(useOp), found),
    CaseExpr: ({ arg }, found) => (arg === undefined ? undefined : referTo("operator", ["="], found)),
    JoinExpr: ({ usingClause, isNatural }, found) =>
      usingClause === undefined && isNatural !== true ? undefined : referTo("operator", ["="], found),
    typeName: ({ names }, found) => referTo("cast", namesOf(names), found),
    TypeName: ({ names }, found) => referTo("cast", namesOf(names), found),
    ColumnRef: ({ fields }, found) => {
      const names = namesOf(fields);
      return names.length < 2 ? undefined : referTo("field", names.slice(-1), found);
    },
    A_Indirection: ({ indirection }, found) => {
      for (const name of namesOf(indirection)) referTo("field", [name], found);
      return undefined;
    },
    RangeVar: ({ schemaname, relname }) => {
      const schema = schemaname === undefined ? undefined : String(schemaname);
      if (isReadable(schema, String(relname))) return undefined;
      const name = schema === undefined ? String(relname) : `${schema}.${String(relname)}`;
      const how = schema === undefined ? " Name a relation of the database's own with its schema." : "";
      return `\`${name}\` is not among the system's relations that a query may read.${how}`;
    },
    RangeTableSample: ({ method }) => {
      const name = namesOf(method).join(".");
      return sampling.has(name.replace(/^pg_catalog\./, ""))
        ? undefined
        : `TABLESAMPLE by \`${name}\` is not among the methods that a query may use.`;
    },
    JsonFuncExpr: ({ op }, found) => referTo("function", [String(op).replace(/_OP$/, "").toLowerCase()], found),
    ...Object.fromEntries(
      Object.entries(formerFunctions).map(([key, name]): [string, Look] => [
        key,
        (_node, found) => referTo("function", [name], found),
      ]),
    ),
  }),
);

function lookAtCall({ funcname, args }: Tree, found: Findings): string | undefined {
  const names = namesOf(funcname);
  const name = names.at(-1) ?? "";
  const schema = names.length > 1 ? names.at(-2) : undefined;
  if (schema !== undefined && schema !== system) return referTo("function", names, found);
  if (name === "current_setting") {
    const problem = problemOfSetting(args);
    return problem ?? referTo("function", names, found);
  }
  const effect = isAllowedBuiltin(name) ? undefined : effectOf(name);
  if (effect !== undefined) return `A query may not call \`${name}\`: it ${effect}.`;
  return referTo("function", names, found);
}

/** The name must be there to be read: it could be anything otherwise. */
function problemOfSetting(args: unknown): string | undefined {
  const [first] = (args ?? []) as readonly unknown[];
  const cast = treeOf(first, "TypeCast");
  const isText = namesOf(treeOf(cast, "typeName").names).join(".").replace("pg_catalog.", "") === "text";
  const name = treeOf(treeOf(isText ? cast.arg : first, "A_Const"), "sval").sval;
  if (typeof name !== "string") return "The setting that `current_setting` shows must be named by a literal.";
  return isShownSetting(name) ? undefined : `The setting \`${name}\` is not among those that a query may show.`;
}

function referTo(kind: Reference["kind"], names: readonly string[], found: Findings): undefined {
  const name = names.at(-1);
  if (name === undefined) return;
  found.refer({ kind, schema: names.length > 1 ? names.at(-2) : undefined, name });
}

/** The strings of a list of nodes: of a name that may have a schema, for example. */
function namesOf(list: unknown): string[] {
  return ((list ?? []) as readonly unknown[])
    .map((node) => treeOf(node, "String").sval)
    .filter((name) => typeof name === "string");
}
