/**
 * Which of the server's variables a query may show: those that say how values are read
 * and written, and what the server is. Not those that can hold a path, an address or a
 * secret.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/server-system-variables.html
 */
import { words } from "../sql/words.ts";

const shown = words(`
  auto_increment_increment auto_increment_offset autocommit character_set_client character_set_connection
  character_set_database character_set_filesystem character_set_results character_set_server character_set_system
  collation_connection collation_database collation_server connect_timeout default_storage_engine
  default_week_format div_precision_increment eq_range_index_dive_limit explicit_defaults_for_timestamp
  foreign_key_checks group_concat_max_len have_ssl innodb_buffer_pool_size innodb_lock_wait_timeout
  innodb_page_size innodb_version interactive_timeout join_buffer_size lc_messages lc_time_names license
  lock_wait_timeout long_query_time lower_case_file_system lower_case_table_names max_allowed_packet
  max_connections max_execution_time max_heap_table_size max_join_size max_sort_length max_statement_time
  net_buffer_length net_read_timeout net_write_timeout optimizer_switch performance_schema protocol_version
  query_cache_size query_cache_type read_only sort_buffer_size sql_auto_is_null sql_big_selects sql_mode
  sql_safe_updates sql_select_limit storage_engine system_time_zone table_open_cache time_zone timestamp
  tmp_table_size transaction_isolation transaction_read_only tx_isolation tx_read_only unique_checks version
  version_comment version_compile_machine version_compile_os wait_timeout warning_count error_count`);

/** Whether a query may show a variable; case does not count. */
export function isShownSetting(name: string): boolean {
  return shown.has(name.toLowerCase());
}
