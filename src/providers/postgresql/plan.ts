/** From a query to the statement that is sent, by what the catalogue says. */
import { LRUCache } from "lru-cache";
import { Failure } from "../../failure.ts";
import type { ActionRequest } from "../contract/action.ts";
import type { NativeQuery, PageRequest, ReadQuery, ResourceQuery } from "../contract.ts";
import { encodeOperand } from "../query/operand.ts";
import { type CompiledAction, compileAction } from "../sql/action.ts";
import type { SqlPlan } from "../sql/page.ts";
import type { Run } from "../sql/run.ts";
import { compileSelect } from "../sql/select.ts";
import { lookUpResource, type PostgresqlResource } from "./catalogue.ts";
import { postgresqlActions } from "./change.ts";
import type { Description } from "./describing.ts";
import { postgresqlDialect } from "./dialect.ts";
import { createFunctionCatalogue, type FunctionCatalogue } from "./function-catalogue.ts";
import { checkStatement } from "./statement.ts";
import { createTypeCatalogue, type TypeCatalogue } from "./types.ts";

export interface Plan extends SqlPlan {
  /** It may leave something behind in its session, which must not be another's then. */
  readonly leavesTraces?: boolean;
}

/** What planning asks the server. */
export interface Source {
  readonly run: Run;
  describe(text: string): Promise<Description>;
}

export interface Planner {
  /** The statements of an action. */
  change(source: Source, request: ActionRequest): Promise<CompiledAction>;
  /** @param page Absent to read all rows. */
  plan(source: Source, query: ReadQuery, page?: PageRequest): Promise<Plan>;
  /** The catalogue may have changed: what was learned of it is read again. */
  forget(): void;
}

/** Milliseconds for which a resource is taken to be as it was. */
const maxAgeMs = 10_000;
const maxResources = 1_000;

/** @param allowedFunctions that a native statement may call whatever they are, as `public.rate` */
export function createPlanner(allowedFunctions: readonly string[] = []): Planner {
  const types = createTypeCatalogue();
  const functions = createFunctionCatalogue(allowedFunctions);
  const resources = new LRUCache<string, PostgresqlResource>({ max: maxResources, ttl: maxAgeMs });

  async function resourceNamed(run: Run, name: string): Promise<PostgresqlResource> {
    const known = resources.get(name);
    const resource = known ?? (await lookUpResource(run, name, types));
    if (known === undefined) resources.set(name, resource);
    return resource;
  }

  async function planResource(run: Run, query: ResourceQuery, page: PageRequest | undefined): Promise<Plan> {
    const resource = await resourceNamed(run, query.resource);
    const select = compileSelect({
      dialect: postgresqlDialect,
      resource,
      query,
      ...(page === undefined ? {} : { page }),
    });
    const { text, parameters, fields, paging } = select;
    return { text, parameters, fields, paging, select };
  }

  return {
    async change({ run }, request) {
      const resource = await resourceNamed(run, request.action.resource);
      return compileAction({ dialect: postgresqlDialect, forms: postgresqlActions, resource, request });
    },
    plan: (source, query, page) =>
      query.kind === "resource"
        ? planResource(source.run, query, page)
        : planNative(source, query, { types, functions }),
    forget: () => {
      resources.clear();
      functions.forget();
    },
  };
}

interface Learned {
  readonly types: TypeCatalogue;
  readonly functions: FunctionCatalogue;
}

async function planNative(
  source: Source,
  { text, parameters }: NativeQuery,
  { types, functions }: Learned,
): Promise<Plan> {
  const references = await checkStatement(text, parameters.length);
  const { leavesTraces } = await functions.check(source.run, references);
  const { parameterOids, fields } = await source.describe(text);
  const wanted = await types.describe(
    source.run,
    parameterOids.map((typeOid) => ({ typeOid, typmod: -1 })),
  );
  const described = await types.describe(
    source.run,
    fields.map(({ dataTypeID, dataTypeModifier }) => ({ typeOid: dataTypeID, typmod: dataTypeModifier })),
  );
  return {
    text,
    leavesTraces,
    parameters: parameters.map((operand, i) => {
      const type = wanted[i];
      if (type === undefined)
        throw new Failure("internal", "A statement was allowed with more parameters than it has.");
      return operand.kind === "null" ? null : encodeOperand(operand, type, `query.native.parameters[${i}]`);
    }),
    fields: fields.map(({ name }, i) => {
      const { type, elementType, nativeType } = described[i] ?? { type: "other" as const, nativeType: "" };
      return { name, type, ...(elementType === undefined ? {} : { elementType }), nullable: true, nativeType };
    }),
    paging: "single",
    select: undefined,
  };
}
