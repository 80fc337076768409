/**
 * One statement in a transaction of its own, in one round trip: by the driver itself, since the
 * layers above it take longer than the statement.
 */
import pg from "pg";

/** Values of a statement's question marks. */
export type Parameter = string | boolean | Buffer;

/**
 * The server takes statements that come as one text for one transaction, which it commits behind
 * the last of them or undoes as a whole.
 *
 * @param settings Of that transaction
 * @throws DatabaseError of the server, or Error when the connection is lost
 * @see https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
export async function commitText(
  pool: pg.Pool,
  settings: Readonly<Record<string, string>>,
  text: string,
  parameters: readonly Parameter[],
): Promise<void> {
  const whole = `SELECT ${settingsText(settings)}; ${filled(text, parameters)}`;
  const client = await pool.connect();
  try {
    await client.query(whole);
  } finally {
    // A connection that is lost was taken out of the pool, and what has failed is undone.
    client.release();
  }
}

/** What sets them until the transaction ends. */
export function settingsText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map((each) => `set_config(${each.map(pg.escapeLiteral).join(", ")}, true)`)
    .join(", ");
}

function filled(text: string, parameters: readonly Parameter[]): string {
  const parts = text.split("?");
  if (parts.length !== parameters.length + 1) throw new Error(`${parameters.length} values for ${text}`);
  return parts.map((part, i) => (i === 0 ? part : `${literal(parameters[i - 1] as Parameter)}${part}`)).join("");
}

function literal(value: Parameter): string {
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? pg.escapeLiteral(value) : `'\\x${value.toString("hex")}'::bytea`;
}
