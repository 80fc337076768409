/**
 * Which of the system's own relations a query may read: those that describe the database.
 * Not those with passwords and connection strings, with other people's statements and
 * values, or with the server's files, settings and insides: privileges would keep most
 * users from them, and a connector's user may be a superuser.
 *
 * @see https://www.postgresql.org/docs/18/catalogs.html
 */
import { words } from "../sql/words.ts";

const described =
  words(`pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extensions
  pg_available_extension_versions pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database
  pg_default_acl pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper
  pg_foreign_server pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs pg_language
  pg_largeobject_metadata pg_locks pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily
  pg_parameter_acl pg_partitioned_table pg_policies pg_policy pg_proc pg_publication pg_publication_namespace
  pg_publication_rel pg_publication_tables pg_range pg_rewrite pg_roles pg_rules pg_seclabel pg_seclabels
  pg_sequence pg_sequences pg_shdepend pg_shdescription pg_shseclabel pg_statistic_ext pg_stats pg_stats_ext
  pg_stats_ext_exprs pg_subscription_rel pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names
  pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user
  pg_views pg_stat_database pg_stat_bgwriter pg_stat_checkpointer
  pg_stat_all_indexes pg_stat_all_tables pg_stat_sys_indexes pg_stat_sys_tables pg_stat_user_functions
  pg_stat_user_indexes pg_stat_user_tables pg_stat_xact_all_tables pg_stat_xact_user_functions
  pg_stat_xact_user_tables pg_statio_all_indexes pg_statio_all_sequences pg_statio_all_tables
  pg_statio_sys_indexes pg_statio_sys_tables pg_statio_user_indexes pg_statio_user_sequences
  pg_statio_user_tables`);

/** Of extensions, in whichever schema they are; and of `information_schema`. */
const telling: ReadonlySet<string> = new Set([
  "pg_stat_statements",
  "pg_stat_statements_info",
  "pg_stat_monitor",
  "pg_buffercache",
  "user_mapping_options",
]);

/**
 * Whether a query may read a relation, as far as its name tells.
 *
 * @param schema undefined when the search path is to find it, in which the system comes first
 */
export function isReadable(schema: string | undefined, name: string): boolean {
  if (telling.has(name)) return false;
  if (schema === "information_schema") return !name.startsWith("_pg_");
  const system = schema === undefined ? /^_?pg_/.test(name) : schema.startsWith("pg_");
  if (!system) return true;
  return (schema ?? "pg_catalog") === "pg_catalog" && described.has(name);
}
