/** An action in a transaction of its own: all of it is done, or nothing. */
import type { ActionRequest, ActionResult } from "../contract/action.ts";
import { tooManyAffected } from "../query/refused-action.ts";
import type { ActionForms, CompiledAction } from "../sql/action.ts";
import { outcomeUnknown } from "../sql/action-end.ts";
import { type Command, isRefusal, type RunCommands } from "./commands.ts";
import { settingsText } from "./transaction.ts";

const upstream = "postgresql";

/** A Bind message counts its parameters in two bytes. */
const maxParameters = 65_535;

export const postgresqlActions: ActionForms = {
  maxParameters,
  onSameKey(key, changed) {
    // A row that is there is touched also when its key is all that is given: it counts, and is returned.
    const assigned = (changed.length > 0 ? changed : key).map((column) => `${column} = EXCLUDED.${column}`);
    return `ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${assigned.join(", ")}`;
  },
};

/**
 * Does it.
 *
 * @throws Failure `too_many_affected` or `too_large`, or what the source refused: nothing
 *   was changed then; `outcome_unknown` when the source was lost while it committed
 */
export async function change(
  { statements, returning }: CompiledAction,
  { maxAffectedRows = Number.POSITIVE_INFINITY, maxBytes }: ActionRequest,
  { command, timeoutMs }: { readonly command: RunCommands; readonly timeoutMs: number },
): Promise<ActionResult> {
  const prelude: Command[] = [
    // Not READ WRITE: whoever gave the user a default of READ ONLY meant it.
    { text: "BEGIN" },
    { text: settingsText, parameters: [String(Math.max(1, Math.ceil(timeoutMs)))] },
  ];
  const answers = await command([...prelude, ...statements], { maxBytes }).catch(async (error: unknown) => {
    if (isRefusal(error)) await command(undo);
    throw error;
  });
  const ours = answers.slice(prelude.length);
  const affectedRows = ours.reduce((sum, { rowCount }) => sum + rowCount, 0);
  if (affectedRows > maxAffectedRows) {
    await command(undo);
    throw tooManyAffected(affectedRows, maxAffectedRows);
  }
  await commit(command);
  return {
    affectedRows,
    fields: returning,
    batches: ours.flatMap(({ batch }) => (batch === undefined ? [] : [batch])),
    statement: "",
  };
}

/** What a trigger of the customer's may have left in the session must not meet the next call. */
export const tidying: readonly Command[] = [{ text: "DISCARD ALL" }];

const undo: readonly Command[] = [{ text: "ROLLBACK" }];

async function commit(command: RunCommands): Promise<void> {
  const [answer] = await command([{ text: "COMMIT" }], { decisive: true }).catch((error: unknown) => {
    // With its last word a server may have kept the change or not.
    throw isRefusal(error) ? error : outcomeUnknown(upstream, error);
  });
  // So a server answers when the transaction had failed before.
  if (answer?.tag !== "COMMIT") throw outcomeUnknown(upstream, answer?.tag);
}
