/**
 * What the functions behind a statement's names may do, by what the server's catalogue
 * says of them: a name may be the customer's own, or an extension's, and one that
 * PostgreSQL knows may mean a better match in another schema of the search path.
 */
import { LRUCache } from "lru-cache";
import { Failure } from "../../failure.ts";
import { formatName } from "../sql/name.ts";
import type { Run } from "../sql/run.ts";
import { isAllowedInExtension } from "./extensions.ts";
import { isAllowedBuiltin } from "./functions.ts";
import type { Reference } from "./statement-parts.ts";
import { keyOf } from "./statement-rules.ts";

export interface FunctionCatalogue {
  /**
   * Makes sure that nothing behind these names does more than a query may. Asks the
   * server, in one statement, when there are names that it has not looked up lately.
   *
   * @returns whether what is called may leave something behind in the session
   * @throws Failure `statement_rejected` that names the function
   */
  check(run: Run, references: readonly Reference[]): Promise<{ readonly leavesTraces: boolean }>;
  /** The catalogue may have changed. */
  forget(): void;
}

/** What a name leads to. */
interface Finding {
  /** Why it must not be called, in a sentence. */
  readonly problem: string | undefined;
  readonly leavesTraces: boolean;
}

/** Milliseconds for which a function is taken to be as it was. */
const maxAgeMs = 30_000;
const maxNames = 10_000;

const harmless: Finding = { problem: undefined, leavesTraces: false };

/**
 * Keep one for each database and user.
 *
 * @param listed functions that the connector's configuration allows whatever they are,
 *   as `public.rate`
 */
export function createFunctionCatalogue(listed: readonly string[]): FunctionCatalogue {
  const allowed = new Set(listed);
  const known = new LRUCache<string, Finding>({ max: maxNames, ttl: maxAgeMs });

  async function check(run: Run, references: readonly Reference[]) {
    const findings: Finding[] = [];
    const unknown: Reference[] = [];
    for (const reference of references) {
      const finding = known.get(keyOf(reference));
      if (finding === undefined) unknown.push(reference);
      else findings.push(finding);
    }
    const found = unknown.length === 0 ? [] : await lookUp(run, unknown);
    for (const reference of unknown) {
      const its = matching(reference, found);
      const finding = judgeFound(reference, its, allowed);
      findings.push(finding);
      // A function that is not there is the server's to refuse, and may be there the next time.
      if (its.length > 0 || reference.kind !== "function") known.set(keyOf(reference), finding);
    }
    const problem = findings.find((finding) => finding.problem !== undefined)?.problem;
    if (problem !== undefined) throw notAllowed(problem);
    return { leavesTraces: findings.some(({ leavesTraces }) => leavesTraces) };
  }

  return { check, forget: () => known.clear() };
}

/** A function that a name leads to, and by which way. */
interface Found {
  readonly kind: string;
  /** Of what was named: the function itself, or the operator, the type, the aggregate. */
  readonly schema: string;
  readonly name: string;
  readonly visible: boolean;
  /** PostgreSQL has an operator or a type of this name itself, which a statement most often means. */
  readonly common: boolean;
  readonly function: {
    readonly schema: string;
    readonly name: string;
    /** `i`, `s` or `v`, as in pg_proc. */
    readonly volatility: string;
    readonly trusted: boolean;
    readonly extension: string | undefined;
  };
}

/**
 * A call of a type's name is a cast to it; an aggregate is what its support functions
 * are; a field of a row is a function of one argument that takes a row.
 */
const lookUpQuery = `WITH asked AS (
  SELECT 'function' AS kind, p.pronamespace AS namespace, p.proname AS name, p.oid AS function, false AS common
  FROM pg_catalog.pg_proc p
  WHERE p.proname = ANY($1::pg_catalog.name[]) AND (p.prokind <> 'a' OR p.pronamespace = 11)
  UNION ALL
  SELECT 'function', p.pronamespace, p.proname, s.function, false
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
  CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
    a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[]) AS s(function)
  WHERE p.proname = ANY($1::pg_catalog.name[]) AND p.pronamespace <> 11
  UNION ALL
  SELECT 'function', t.typnamespace, t.typname, c.castfunc, false
  FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
  WHERE t.typname = ANY($1::pg_catalog.name[]) AND t.typnamespace <> 11
  UNION ALL
  SELECT 'operator', o.oprnamespace, o.oprname, o.oprcode::pg_catalog.oid,
    EXISTS (SELECT FROM pg_catalog.pg_operator s WHERE s.oprname = o.oprname AND s.oprnamespace = 11)
  FROM pg_catalog.pg_operator o WHERE o.oprname = ANY($2::pg_catalog.name[]) AND o.oprnamespace <> 11
  UNION ALL
  SELECT 'cast', t.typnamespace, t.typname, c.castfunc, t.typnamespace = 11
  FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
  WHERE t.typname = ANY($3::pg_catalog.name[])
  UNION ALL
  SELECT 'field', p.pronamespace, p.proname, p.oid, false
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0]
  WHERE p.proname = ANY($4::pg_catalog.name[]) AND p.pronamespace <> 11
    AND p.pronargs - p.pronargdefaults <= 1 AND t.typtype IN ('c', 'd', 'p')
)
SELECT DISTINCT a.kind, an.nspname, a.name, an.nspname = ANY(pg_catalog.current_schemas(true)), a.common,
  pn.nspname, p.proname, p.provolatile, l.lanpltrusted, e.extname
FROM asked a
JOIN pg_catalog.pg_namespace an ON an.oid = a.namespace
JOIN pg_catalog.pg_proc p ON p.oid = a.function
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_depend d
  ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid`;

async function lookUp(run: Run, references: readonly Reference[]): Promise<Found[]> {
  const namesOf = (kind: Reference["kind"]) =>
    nameArray(references.filter((reference) => reference.kind === kind).map(({ name }) => name));
  const rows = await run(lookUpQuery, (["function", "operator", "cast", "field"] as const).map(namesOf));
  return rows.map(([kind, schema, name, visible, common, ...of]) => ({
    kind: kind ?? "",
    schema: schema ?? "",
    name: name ?? "",
    visible: visible === "t",
    common: common === "t",
    function: {
      schema: of[0] ?? "",
      name: of[1] ?? "",
      volatility: of[2] ?? "v",
      trusted: of[3] === "t",
      extension: of[4] ?? undefined,
    },
  }));
}

function nameArray(names: readonly string[]): string {
  return `{${[...new Set(names)].map((name) => `"${name.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

function matching({ kind, schema, name }: Reference, found: readonly Found[]): Found[] {
  return found.filter(
    (each) =>
      each.kind === kind && each.name === name && (schema === undefined ? each.visible : each.schema === schema),
  );
}

/** Folding case and cutting length depend on the server's encoding, and only there a name is sure to be the same. */
const sameEverywhere = /^[\x20-\x7e]{1,63}$/;

function judgeFound({ kind, name }: Reference, found: readonly Found[], listed: ReadonlySet<string>): Finding {
  if (kind === "function" && found.length === 0 && !sameEverywhere.test(name)) {
    return { problem: `The function \`${name}\` is not there, by this name.`, leavesTraces: false };
  }
  const findings = found.map((each) => judgeOne(each, listed));
  return {
    problem: findings.find(({ problem }) => problem !== undefined)?.problem,
    leavesTraces: findings.some(({ leavesTraces }) => leavesTraces),
  };
}

function judgeOne({ kind, schema, name, common, function: called }: Found, listed: ReadonlySet<string>): Finding {
  const { volatility, trusted, extension } = called;
  const fullName = formatName(called.schema, called.name);
  if (called.schema === "pg_catalog" && extension === undefined) {
    const isNamed = kind === "function" && schema === "pg_catalog" && name === called.name;
    const fine = isAllowedBuiltin(called.name) || (!isNamed && volatility !== "v");
    return fine ? harmless : refused(kind, name, `\`${called.name}\` is not among those that a query may call`);
  }
  // One careless cast to `text` must not keep everybody from casting to it.
  if (common && (trusted || volatility !== "v")) return harmless;
  if (listed.has(fullName) || listed.has(formatName(schema, name))) return { problem: undefined, leavesTraces: true };
  if (extension !== undefined) {
    if (isAllowedInExtension(extension, called.name, volatility)) return harmless;
    return refused(
      kind,
      name,
      `\`${fullName}\` of the extension ${extension} is not among those that a query may call`,
    );
  }
  if (!trusted) return refused(kind, name, `\`${fullName}\` is written in a language that may do anything`);
  if (volatility === "v") return refused(kind, name, `\`${fullName}\` is VOLATILE: it may change something`);
  return harmless;
}

const ways: Readonly<Record<string, string>> = {
  function: "it",
  operator: "the operator",
  cast: "the cast to",
  field: "the field",
};

function refused(kind: string, name: string, reason: string): Finding {
  const by = kind === "function" ? "" : `, which ${ways[kind] ?? "it"} \`${name}\` may call`;
  return { problem: `The function ${reason}${by}.`, leavesTraces: false };
}

function notAllowed(reason: string): Failure {
  return new Failure("statement_rejected", reason, {
    where: "request",
    remedy:
      "Declare a function of your own STABLE or IMMUTABLE if it is, name it in the connector's `config.functions` (`public.rate`) if you trust it, or qualify the one that you mean (`pg_catalog.lower(…)`).",
    fields: [{ field: "query.native.text", description: reason }],
  });
}
