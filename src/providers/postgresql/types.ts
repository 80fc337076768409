/** What a column's type is to the contract. */
import type { FieldType } from "../../rows/field.ts";
import type { Comparability } from "../query/value-type.ts";
import type { ValueType } from "../sql/dialect.ts";
import type { Run } from "../sql/run.ts";
import { builtinElements, builtinTypes, formatBuiltin } from "./builtin-types.ts";
import { quoteIdentifier } from "./dialect.ts";

interface ColumnType {
  readonly typeOid: number;
  /** The type's modifier, a length for example; -1 for none. */
  readonly typmod: number;
}

/** A type without its modifier. */
export type TypeInfo = Omit<ValueType, "nativeType" | "enumLabels"> & {
  readonly elementType?: FieldType;
  readonly element?: Omit<ValueType, "enumLabels">;
};

/** The types of one database, each looked up once. */
export interface TypeCatalogue {
  /** Types by OID. Asks the server, in one statement, only when there are unknown ones. */
  resolve(run: Run, oids: Iterable<number>): Promise<ReadonlyMap<number, TypeInfo>>;
  /** Types of columns with `nativeType`, in order; at most two statements. */
  describe(run: Run, columns: readonly ColumnType[]): Promise<readonly (TypeInfo & { nativeType: string })[]>;
}

/** A type that was dropped while it was being looked up. */
const unknownType: TypeInfo = { type: "other", comparison: "none", castType: "text" };

/** Keep one for each database and user; an OID means something else elsewhere. */
export function createTypeCatalogue(): TypeCatalogue {
  const known = new Map<number, TypeInfo>();
  const names = new Map<string, string>();

  async function resolve(run: Run, oids: Iterable<number>): Promise<ReadonlyMap<number, TypeInfo>> {
    const asked = [...new Set(oids)];
    const unknown: number[] = [];
    for (const oid of asked) {
      if (known.has(oid)) continue;
      const builtin = builtinInfo(oid);
      if (builtin === undefined) unknown.push(oid);
      else known.set(oid, builtin);
    }
    if (unknown.length > 0) for (const [oid, info] of await readTypes(run, unknown)) known.set(oid, info);
    return new Map(asked.map((oid) => [oid, known.get(oid) ?? unknownType]));
  }

  async function describe(run: Run, columns: readonly ColumnType[]) {
    const types = await resolve(
      run,
      columns.map(({ typeOid }) => typeOid),
    );
    const unnamed = columns.filter((column) => nameOf(column) === undefined);
    if (unnamed.length > 0) {
      const found = await run(nameQuery, [
        `{${unnamed.map(({ typeOid }) => typeOid).join(",")}}`,
        `{${unnamed.map(({ typmod }) => typmod).join(",")}}`,
      ]);
      for (const [i, column] of unnamed.entries()) names.set(keyOf(column), found[i]?.[0] ?? "???");
    }
    return columns.map((column) => ({
      ...(types.get(column.typeOid) ?? unknownType),
      nativeType: nameOf(column) ?? "???",
    }));
  }

  const keyOf = ({ typeOid, typmod }: ColumnType) => `${typeOid}:${typmod}`;
  const nameOf = (column: ColumnType) => formatBuiltin(column.typeOid, column.typmod) ?? names.get(keyOf(column));

  return { resolve, describe };
}

const nameQuery = `SELECT pg_catalog.format_type(t.oid, t.typmod)
FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS t(oid, typmod, n) ORDER BY t.n`;

function builtinInfo(oid: number): TypeInfo | undefined {
  const builtin = builtinTypes.get(oid);
  if (builtin !== undefined) {
    const { type, comparison, castType, range } = builtin;
    return { type, comparison, castType, ...(range === undefined ? {} : { range }) };
  }
  const elementOid = builtinElements.get(oid);
  const element = builtinTypes.get(elementOid ?? 0);
  if (element === undefined) return undefined;
  return arrayOf({
    ...element,
    nativeType: formatBuiltin(elementOid ?? 0, -1) ?? element.name,
    castType: element.name,
  });
}

/** @param element its `castType` is the very type, since arrays of other types don't compare with the array */
function arrayOf(element: ValueType): TypeInfo {
  const { type, castType, comparison } = element;
  return { type: "array", elementType: type, castType: `${castType}[]`, comparison, element };
}

/** One step from a type towards what it is made of: a domain's base, an array's element. */
interface Step {
  readonly oid: number;
  readonly kind: string;
  readonly isArray: boolean;
  readonly comparison: Comparability;
  readonly name: string;
  readonly namespace: string;
  readonly nativeType: string;
  /** Of the operator that compares two values; undefined when it is the system's own. */
  readonly operatorSchema: string | undefined;
}

// Of btree (403) and hash (405) operator classes the operator of equality tells most.
const stepQuery = `WITH RECURSIVE step AS (
  SELECT t.oid AS asked, 0 AS depth, t.oid, t.typtype, t.typbasetype, t.typelem, t.typarray
  FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
  UNION ALL
  SELECT s.asked, s.depth + 1, t.oid, t.typtype, t.typbasetype, t.typelem, t.typarray
  FROM step s JOIN pg_catalog.pg_type t
    ON CASE s.typtype WHEN 'd' THEN t.oid = s.typbasetype ELSE t.oid = s.typelem AND t.typarray = s.oid END
)
SELECT s.asked, s.oid, s.typtype,
  EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.oid = s.typelem AND e.typarray = s.oid),
  CASE WHEN s.typtype IN ('e', 'r', 'm') THEN 403 ELSE c.opcmethod END,
  t.typname, n.nspname, pg_catalog.format_type(s.oid, NULL), c.nspname
FROM step s
LEFT JOIN LATERAL (
  SELECT o.opcmethod, NULLIF(pn.nspname, 'pg_catalog') AS nspname
  FROM pg_catalog.pg_opclass o
  JOIN pg_catalog.pg_amop m ON m.amopfamily = o.opcfamily AND m.amoplefttype = s.oid AND m.amoprighttype = s.oid
    AND m.amopstrategy = CASE o.opcmethod WHEN 403 THEN 3 ELSE 1 END
  JOIN pg_catalog.pg_operator p ON p.oid = m.amopopr
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.oprnamespace
  WHERE o.opcintype = s.oid AND o.opcdefault AND o.opcmethod IN (403, 405)
  ORDER BY o.opcmethod LIMIT 1
) c ON true
JOIN pg_catalog.pg_type t ON t.oid = s.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
ORDER BY s.asked, s.depth`;

async function readTypes(run: Run, oids: readonly number[]): Promise<Map<number, TypeInfo>> {
  const steps = new Map<number, Step[]>();
  for (const row of await run(stepQuery, [`{${oids.join(",")}}`])) {
    const asked = Number(row[0]);
    const step: Step = {
      oid: Number(row[1]),
      kind: row[2] ?? "b",
      isArray: row[3] === "t",
      comparison: row[4] === "403" ? "ordered" : row[4] === "405" ? "equal" : "none",
      name: row[5] ?? "",
      namespace: row[6] ?? "",
      nativeType: row[7] ?? "",
      operatorSchema: row[8] ?? undefined,
    };
    steps.set(asked, [...(steps.get(asked) ?? []), step]);
  }
  return new Map([...steps].map(([oid, path]) => [oid, infoOf(path)]));
}

function infoOf(path: readonly Step[]): TypeInfo {
  const base = path.findIndex(({ kind }) => kind !== "d");
  const step = path[base];
  if (step === undefined) return unknownType;
  const elementStep = step.isArray ? path[base + 1] : undefined;
  if (elementStep !== undefined) {
    const castType = quotedName(elementStep);
    return arrayOf({ ...infoOf(path.slice(base + 1)), nativeType: elementStep.nativeType, castType });
  }
  const builtin = builtinInfo(step.oid);
  if (builtin !== undefined) return builtin;
  const { operatorSchema } = step;
  return {
    type: typeOf(step),
    comparison: step.kind === "c" ? "none" : step.comparison,
    castType: quotedName(step),
    ...(operatorSchema === undefined ? {} : { operatorSchema }),
  };
}

function typeOf({ kind, name, namespace }: Step): FieldType {
  if (kind === "e") return "enum";
  if (kind === "c") return "struct";
  // The extension's type, wherever it was installed.
  return name === "citext" && kind === "b" && namespace !== "pg_catalog" ? "string" : "other";
}

function quotedName({ oid, namespace, name }: Step): string {
  return builtinTypes.get(oid)?.name ?? `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`;
}
