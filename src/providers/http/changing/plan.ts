/** From an action to the requests that it takes, one for each row. */
import { Failure, invalidRequest } from "../../../failure.ts";
import type { Action, ActionRequest } from "../../contract/action.ts";
import type { Operand } from "../../contract.ts";
import { fieldNamed } from "../../query/field.ts";
import { encodeOperand } from "../../query/operand.ts";
import { tooManyAffected } from "../../query/refused-action.ts";
import { type ChangeKind, type ChangeOperation, plainSpelling } from "../declaration.ts";
import { type Assignment, namesIn } from "../request.ts";
import type { QueriedField, QueriedResource } from "../resource.ts";
import { jsonOf, spelled } from "../spelling.ts";
import { keysIn, type RowKey } from "./keys.ts";

export interface ChangePlan {
  readonly kind: ChangeKind;
  readonly resource: QueriedResource;
  readonly operation: ChangeOperation;
  /** What goes into the slots of each row's request. */
  readonly rows: readonly (readonly Assignment[])[];
  /** The fields of the touched rows that are wanted back. */
  readonly returning: readonly QueriedField[];
}

/**
 * @throws Failure `unsupported` when the resource has no such action; `unknown_field`,
 *   `invalid_request` or `too_many_affected` for a request that can't be carried out as it is
 */
export function planChange(
  { action, returning, maxAffectedRows }: ActionRequest,
  resource: QueriedResource,
): ChangePlan {
  const operation = resource.changes[action.kind];
  if (operation === undefined) throw lacking(action.kind, resource);
  const rows = rowsOf(action, operation, resource);
  if (maxAffectedRows !== undefined && rows.length > maxAffectedRows) {
    throw tooManyAffected(rows.length, maxAffectedRows);
  }
  if (returning.length > 0 && operation.returns === undefined) {
    throw invalidRequest({
      field: "returning",
      description: `the source does not give back what it did to \`${resource.name}\``,
    });
  }
  const returned = returning.map((name, i) => fieldNamed(resource, name, `returning[${i}]`));
  return { kind: action.kind, resource, operation, rows, returning: returned };
}

function lacking(kind: ChangeKind, { name, changes }: QueriedResource): Failure {
  const able = Object.keys(changes);
  const instead = able.length === 0 ? "It can only be read." : `There is ${able.join(", ")}.`;
  return new Failure("unsupported", `The connector declares no ${kind} of \`${name}\`. ${instead}`, {
    where: "connector",
    remedy: "Declare it in the connector's configuration, if the source has it.",
  });
}

function rowsOf(action: Action, operation: ChangeOperation, resource: QueriedResource): Assignment[][] {
  switch (action.kind) {
    case "create":
    case "upsert": {
      if (action.kind === "upsert") checkKey(action.key, operation);
      const fields = action.fields.map((name, i) => fieldNamed(resource, name, `${action.kind}.fields[${i}]`));
      refuseOverlap(fields, [], `${action.kind}.fields`);
      return action.rows.map((row, at) => {
        const path = `${action.kind}.rows[${at}].values`;
        const cells = fields.map((field, i): Cell => ({ field, operand: row[i] ?? nothing, path: `${path}[${i}]` }));
        return [...pathFromRow(cells, operation, `${action.kind}.fields`), ...members(cells, operation)];
      });
    }
    case "update": {
      const cells = action.values.map(({ field, value }): Cell => {
        const path = `update.values.${field}`;
        return { field: fieldNamed(resource, field, path), operand: value, path };
      });
      const keys = operation.identifiedBy.flatMap((name) => resource.fields.find((field) => field.name === name) ?? []);
      const fields = cells.map(({ field }) => field);
      refuseOverlap(
        fields,
        keys.filter((key) => !fields.includes(key)),
        "update.values",
      );
      const body = members(cells, operation);
      return keysIn(action.filter, "update", operation, resource).map((key) => [...pathFromKey(key), ...body]);
    }
    case "delete":
      return keysIn(action.filter, "delete", operation, resource).map(pathFromKey);
  }
}

const nothing: Operand = { kind: "null" };

interface Cell {
  readonly field: QueriedField;
  readonly operand: Operand;
  /** Where it stands in the request. */
  readonly path: string;
}

/**
 * What is written twice is what its caller was allowed to write in one of two ways, and is taken
 * by the source in the other.
 *
 * @param others are not written, and none of them may be within what is
 */
function refuseOverlap(written: readonly QueriedField[], others: readonly QueriedField[], path: string): void {
  const taken = new Map<string, QueriedField>();
  const refused = (one: QueriedField, other: QueriedField) => {
    const description = `\`${one.name}\` and \`${other.name}\` stand in the same place at the source: give one of them, once`;
    return invalidRequest({ field: path, description });
  };
  for (const field of written) {
    const same = taken.get(field.path);
    if (same !== undefined) throw refused(same, field);
    taken.set(field.path, field);
  }
  for (const field of [...written, ...others]) {
    const own = taken.get(field.path) ?? field;
    if (own !== field) throw refused(own, field);
    for (let end = field.path.lastIndexOf("/"); end >= 0; end = end === 0 ? -1 : field.path.lastIndexOf("/", end - 1)) {
      const outer = taken.get(field.path.slice(0, end));
      if (outer !== undefined) throw refused(outer, field);
    }
  }
}

function checkKey(key: readonly string[], { identifiedBy }: ChangeOperation): void {
  const isSame = key.length === identifiedBy.length && key.every((name) => identifiedBy.includes(name));
  if (key.length === 0 || isSame) return;
  const named = identifiedBy.map((name) => `\`${name}\``).join(", ");
  throw invalidRequest({ field: "upsert.key", description: `the source knows a row by ${named} only` });
}

const inPath = (field: QueriedField, text: string, path?: string): Assignment => ({
  ...{ slot: { in: "path", name: field.name }, text: spelled(text, field, plainSpelling), json: null },
  ...(path === undefined ? {} : { path }),
});

const pathFromKey = (key: RowKey): Assignment[] => [...key].map(([field, text]) => inPath(field, text));

function pathFromRow(cells: readonly Cell[], { path }: ChangeOperation, fieldsPath: string): Assignment[] {
  return namesIn(path).map((name) => {
    const cell = cells.find(({ field }) => field.name === name);
    if (cell === undefined) {
      throw invalidRequest({
        field: fieldsPath,
        description: `must have \`${name}\`, by which the source knows a row`,
      });
    }
    return inPath(cell.field, encodeOperand(cell.operand, cell.field, cell.path), cell.path);
  });
}

function members(cells: readonly Cell[], { body, path }: ChangeOperation): Assignment[] {
  const named = new Set(namesIn(path));
  return cells.flatMap(({ field, operand, path: at }): Assignment[] => {
    const isTaken = body !== undefined && (body.fields?.includes(field.name) ?? !field.readOnly);
    if (!isTaken && named.has(field.name)) return [];
    if (!isTaken)
      throw invalidRequest({ field: at, description: `\`${field.name}\` can't be written: the source sets it` });
    return [{ slot: { in: "body", pointer: body.row + field.path }, text: "", json: written(field, operand, at) }];
  });
}

function written(field: QueriedField, operand: Operand, path: string): Assignment["json"] {
  if (operand.kind !== "null") return jsonOf(encodeOperand(operand, field, path), field);
  if (field.nullable) return null;
  throw invalidRequest({ field: path, description: `\`${field.name}\` can't be null` });
}
