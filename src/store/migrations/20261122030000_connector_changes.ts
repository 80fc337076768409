import { Migration } from "@mikro-orm/migrations";

/**
 * Whoever listens is told of every connector that was changed or deleted, by whomever,
 * when the change is committed: `organization_id/id`.
 */
export class ConnectorChanges extends Migration {
  override readonly name = "20261122030000_connector_changes";

  override up(): void {
    // It runs as whoever changes the row and reads no table: row-level security has nothing to hide from it.
    this.addSql(`CREATE FUNCTION connector_changed_fn() RETURNS trigger
      LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        PERFORM pg_notify('connector_changed', OLD.organization_id || '/' || OLD.id);
        RETURN NULL;
      END
      $$`);
    this.addSql(`CREATE TRIGGER changed AFTER UPDATE OR DELETE ON connector
      FOR EACH ROW EXECUTE FUNCTION connector_changed_fn()`);
  }
}
