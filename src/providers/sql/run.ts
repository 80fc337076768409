/** How a provider's catalogue, schema and privileges ask the server. */

/** A row's cells as text, null for NULL. */
export type Row = readonly (string | null)[];

/**
 * Runs one small statement of the service's own, with its parameters apart from its text
 * and as text themselves, and gives all rows.
 *
 * @throws The provider's own error, which its `classify` knows.
 */
export type Run = (text: string, parameters: Row) => Promise<readonly Row[]>;
