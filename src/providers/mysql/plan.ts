/** From a query to the statement that is sent, by what the catalogue says. */
import { LRUCache } from "lru-cache";
import { Failure } from "../../failure.ts";
import type { ActionRequest } from "../contract/action.ts";
import type { NativeQuery, Operand, PageRequest, ReadQuery, ResourceQuery } from "../contract.ts";
import { refuseUnstorable } from "../query/operand.ts";
import type { SqlPlan } from "../sql/page.ts";
import type { Run } from "../sql/run.ts";
import { compileSelect } from "../sql/select.ts";
import { lookUpResource, type MysqlResource } from "./catalogue.ts";
import { type Change, planChange, readRoom } from "./changing.ts";
import { mysqlDialect } from "./dialect.ts";
import type { Server } from "./functions.ts";
import type { Parameter } from "./parameters.ts";
import { checkStatement } from "./statement.ts";

export interface Plan extends Omit<SqlPlan, "fields"> {
  /** As they are sent. */
  readonly bound: readonly Parameter[];
  /** Absent for a native statement, whose fields the server says when it runs. */
  readonly fields: SqlPlan["fields"] | undefined;
}

/** What planning asks the server. */
export interface Source {
  readonly server: Server;
  readonly run: Run;
}

export interface Planner {
  /** @throws Failure also for a table that can't undo a change */
  change(source: Source, request: ActionRequest): Promise<Change>;
  /** @param page Absent to read all rows. */
  plan(source: Source, query: ReadQuery, page?: PageRequest): Promise<Plan>;
  /** The catalogue may have changed: what was learned of it is read again. */
  forget(): void;
}

/** Milliseconds for which a resource is taken to be as it was. */
const maxAgeMs = 10_000;
const maxResources = 1_000;

/**
 * @param database whose tables and views are the resources
 * @param functions that a native statement may call whatever they are, as `shop.rate`
 */
export function createPlanner(database: string, functions: readonly string[] = []): Planner {
  const resources = new LRUCache<string, MysqlResource>({ max: maxResources, ttl: maxAgeMs });

  async function resourceNamed({ run, server }: Source, name: string): Promise<MysqlResource> {
    const known = resources.get(name);
    const resource = known ?? (await lookUpResource(run, name, { database, server }));
    if (known === undefined) resources.set(name, resource);
    return resource;
  }

  async function planResource(source: Source, query: ResourceQuery, page?: PageRequest): Promise<Plan> {
    const resource = await resourceNamed(source, query.resource);
    const dialect = mysqlDialect(source.server);
    const select = compileSelect({ dialect, resource, query, ...(page === undefined ? {} : { page }) });
    const { text, parameters, fields, paging } = select;
    return { text, parameters, bound: parameters, fields, paging, select };
  }

  return {
    async change(source, request) {
      const resource = await resourceNamed(source, request.action.resource);
      const { maxPacket } = await readRoom(source.run, resource);
      return planChange({ dialect: mysqlDialect(source.server), resource, request, maxPacket });
    },
    plan: async (source, query, page) =>
      query.kind === "resource"
        ? planResource(source, query, page)
        : planNative(query, { server: source.server, database, functions }),
    forget: () => resources.clear(),
  };
}

function planNative({ text, parameters }: NativeQuery, surroundings: Parameters<typeof checkStatement>[2]): Plan {
  checkStatement(text, parameters.length, surroundings);
  const bound = parameters.map(boundOf);
  const shown = bound.map((parameter) => (parameter === null ? null : textOf(parameter)));
  return { text, parameters: shown, bound, fields: undefined, paging: "single", select: undefined };
}

const leastInteger = -(2n ** 63n);
const greatestInteger = 2n ** 64n - 1n;

/** A value of the request as the server takes it where nothing says what it is for. */
function boundOf(operand: Operand, i: number): Parameter {
  switch (operand.kind) {
    case "null":
      return null;
    case "bool":
      return operand.value ? 1n : 0n;
    case "integer":
      // What no integer of the server's holds is a DECIMAL to it, in digits.
      return operand.value >= leastInteger && operand.value <= greatestInteger ? operand.value : String(operand.value);
    case "double":
      return finite(operand.value, i);
    case "text":
      refuseUnstorable(operand.value, pathOf(i), { holdsNul: true });
      return operand.value;
    case "bytes":
      return operand.value;
  }
}

const pathOf = (i: number) => `query.native.parameters[${i}]`;

function finite(value: number, i: number): number {
  if (Number.isFinite(value)) return value;
  const description = "The source has no such number: it holds neither NaN nor an infinity.";
  throw new Failure("invalid_request", `${pathOf(i)}: ${description}`, {
    where: "request",
    fields: [{ field: pathOf(i), description }],
  });
}

function textOf(parameter: NonNullable<Parameter>): string {
  return parameter instanceof Uint8Array ? `0x${Buffer.from(parameter).toString("hex")}` : String(parameter);
}
