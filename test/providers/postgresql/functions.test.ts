/** The lists of what a query may call, read and show, against a real PostgreSQL's catalogue. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { effectOf, isAllowedBuiltin, isHarmlessThoughVolatile } from "../../../src/providers/postgresql/functions.ts";
import { isShownSetting } from "../../../src/providers/postgresql/settings.ts";
import { isReadable } from "../../../src/providers/postgresql/system-relations.ts";
import { words } from "../../../src/providers/sql/words.ts";
import { type Database, openDatabase } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

async function names(query: string): Promise<string[]> {
  return (await database.run(query, [])).map(([name]) => name ?? "");
}

/** Those that take or give what no SQL can write are the server's own affair. */
const callable = `p.pronamespace = 11 AND NOT 'internal'::regtype = ANY(p.proargtypes::oid[])
  AND p.prorettype <> ALL('{internal,trigger,event_trigger,language_handler,index_am_handler,tsm_handler,table_am_handler,fdw_handler}'::regtype[])`;

describe("the functions that a query may call", () => {
  test("of those that are volatile, each is known to be harmless or for what it does", async () => {
    const volatile = await names(`SELECT DISTINCT p.proname FROM pg_proc p WHERE ${callable} AND p.provolatile = 'v'`);
    expect(volatile.length).toBeGreaterThan(200);
    const unknown = volatile.filter((name) => !isHarmlessThoughVolatile(name) && effectOf(name) === undefined);
    expect(unknown).toEqual([]);
  });

  test("are volatile only where they are known to be harmless, and are known for no effect", async () => {
    const rows = await names("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 11");
    const allowed = rows.filter(isAllowedBuiltin);
    expect(allowed.length).toBeGreaterThan(500);
    expect(allowed.filter((name) => effectOf(name) !== undefined)).toEqual([]);
    const volatile = await names("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 11 AND provolatile = 'v'");
    expect(allowed.filter((name) => volatile.includes(name) && !isHarmlessThoughVolatile(name))).toEqual([]);
  });

  test("hold none that runs SQL, reads files or tells secrets, volatile or not", () => {
    const dangerous =
      words(`pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export lo_get lo_create
      loread lowrite query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml table_to_xml schema_to_xml
      database_to_xml ts_stat ts_rewrite set_config setseed nextval setval currval lastval pg_notify
      pg_advisory_lock pg_try_advisory_xact_lock_shared pg_advisory_unlock_all pg_terminate_backend pg_cancel_backend
      pg_reload_conf pg_switch_wal txid_current pg_current_xact_id pg_export_snapshot pg_logical_emit_message
      pg_logical_slot_get_changes pg_create_physical_replication_slot pg_drop_replication_slot pg_stat_reset
      pg_stat_get_activity pg_stat_get_wal_receiver pg_stat_get_wal_senders pg_show_all_settings pg_hba_file_rules
      pg_show_all_file_settings pg_current_logfile pg_config pg_promote pg_backup_start pg_wal_replay_pause
      binary_upgrade_set_next_pg_type_oid pg_replication_origin_create pg_import_system_collations dblink_connect
      brin_summarize_new_values gin_clean_pending_list pg_clear_relation_stats pg_restore_attribute_stats`);
    for (const name of dangerous) {
      expect(isAllowedBuiltin(name), name).toBe(false);
      expect(effectOf(name), name).toMatch(/^[a-z].+/);
    }
  });

  test("stand behind every operator and cast of PostgreSQL's own without a volatile one", async () => {
    const volatile = `SELECT p.proname FROM pg_proc p WHERE p.provolatile = 'v' AND p.pronamespace = 11 AND
      (EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid) OR EXISTS (SELECT FROM pg_cast c WHERE c.castfunc = p.oid))`;
    expect(await names(volatile)).toEqual([]);
  });
});

describe("the system's relations", () => {
  test("that no query may read are these, and whatever a later PostgreSQL adds", async () => {
    const all = await names("SELECT relname FROM pg_class WHERE relnamespace = 11 AND relkind IN ('r', 'v')");
    const refused = all.filter((name) => !isReadable("pg_catalog", name));
    expect(new Set(refused)).toEqual(
      words(`pg_aios pg_authid pg_backend_memory_contexts pg_config pg_cursors pg_db_role_setting pg_file_settings
        pg_hba_file_rules pg_ident_file_mappings pg_largeobject pg_prepared_statements pg_prepared_xacts
        pg_replication_origin pg_replication_origin_status pg_replication_slots pg_settings pg_shadow
        pg_shmem_allocations pg_shmem_allocations_numa pg_stat_activity pg_stat_archiver pg_stat_database_conflicts
        pg_stat_gssapi pg_stat_io pg_stat_progress_analyze pg_stat_progress_basebackup pg_stat_progress_cluster
        pg_stat_progress_copy pg_stat_progress_create_index pg_stat_progress_vacuum pg_stat_recovery_prefetch
        pg_stat_replication pg_stat_replication_slots pg_stat_slru pg_stat_ssl pg_stat_subscription
        pg_stat_subscription_stats pg_stat_wal pg_stat_wal_receiver pg_stat_xact_sys_tables pg_statio_sys_sequences
        pg_statistic pg_statistic_ext_data pg_subscription pg_user_mapping pg_user_mappings pg_wait_events`),
    );
    // The search path finds the system's first.
    for (const name of refused) expect(isReadable(undefined, name), name).toBe(false);
  });

  test.each([
    ["information_schema", "columns", true],
    ["information_schema", "user_mapping_options", false],
    ["information_schema", "_pg_user_mappings", false],
    ["pg_toast", "pg_toast_2619", false],
    ["pg_temp_3", "mine", false],
    ["public", "pg_orders", true],
    ["public", "pg_stat_statements", false],
    ["monitoring", "pg_stat_statements", false],
    [undefined, "pg_orders", false],
    [undefined, "orders", true],
  ])("%s.%s: %s", (schema, name, readable) => {
    expect(isReadable(schema, name)).toBe(readable);
  });
});

test("no setting is shown that can hold a path, a command, a connection string or a secret", async () => {
  const all = await names("SELECT name FROM pg_settings");
  const shown = all.filter(isShownSetting);
  expect(shown.length).toBeGreaterThan(80);
  expect(
    shown.filter((name) => /file|director|path|command|conninfo|librar|secret|password|preload/.test(name)),
  ).toEqual(["search_path", "temp_file_limit"]);
  for (const name of ["app.jwt_secret", "primary_conninfo", "ssl_key_file", "jit_provider", "all", "ALL", ""]) {
    expect(isShownSetting(name), name).toBe(false);
  }
  expect(isShownSetting("Server_Version")).toBe(true);
});
