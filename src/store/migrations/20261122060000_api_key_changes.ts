import { Migration } from "@mikro-orm/migrations";

/**
 * API keys may be limited to resources, and whoever listens is told of every key that was
 * changed, revoked or deleted, by whomever, when that is committed: its id. That a key
 * was used changes nothing.
 */
export class ApiKeyChanges extends Migration {
  override readonly name = "20261122060000_api_key_changes";

  override up(): void {
    this.addSql("ALTER TABLE api_key ADD COLUMN resources text[] NOT NULL DEFAULT '{}'");
    // It runs as whoever changes the row and reads no table: row-level security has nothing to hide from it.
    this.addSql(`CREATE FUNCTION api_key_changed_fn() RETURNS trigger
      LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF TG_OP = 'DELETE' OR to_jsonb(OLD) - 'last_use_time' IS DISTINCT FROM to_jsonb(NEW) - 'last_use_time' THEN
          PERFORM pg_notify('api_key_changed', OLD.id::text);
        END IF;
        RETURN NULL;
      END
      $$`);
    this.addSql(`CREATE TRIGGER changed AFTER UPDATE OR DELETE ON api_key
      FOR EACH ROW EXECUTE FUNCTION api_key_changed_fn()`);
  }
}
