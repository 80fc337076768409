/**
 * Which settings a query may show: those that say how values are read and written, what
 * the server is and how it plans. Not those that can hold a path, a connection string, a
 * command or a secret, nor settings of the database's own (`app.jwt_secret`).
 *
 * @see https://www.postgresql.org/docs/18/runtime-config.html
 */
import { words } from "../sql/words.ts";

const shown =
  words(`application_name array_nulls backslash_quote block_size bytea_output client_encoding client_min_messages
  constraint_exclusion cursor_tuple_fraction data_checksums datestyle default_statistics_target
  default_table_access_method default_text_search_config default_toast_compression default_transaction_deferrable
  default_transaction_isolation default_transaction_read_only effective_cache_size effective_io_concurrency
  escape_string_warning extra_float_digits from_collapse_limit hash_mem_multiplier hot_standby in_hot_standby
  idle_in_transaction_session_timeout idle_session_timeout integer_datetimes intervalstyle is_superuser
  join_collapse_limit lc_collate lc_ctype lc_messages lc_monetary lc_numeric lc_time lock_timeout
  maintenance_work_mem max_connections max_function_args max_identifier_length max_index_keys
  max_parallel_workers max_parallel_workers_per_gather max_worker_processes max_stack_depth
  parallel_setup_cost parallel_tuple_cost plan_cache_mode quote_all_identifiers random_page_cost role row_security
  search_path segment_size seq_page_cost server_encoding server_version server_version_num session_authorization
  session_replication_role shared_buffers ssl standard_conforming_strings statement_timeout temp_buffers
  temp_file_limit timezone track_activities track_counts transaction_deferrable transaction_isolation
  transaction_read_only transaction_timeout transform_null_equals wal_block_size wal_level work_mem xmlbinary
  xmloption`);

const families = /^(?:enable|cpu|geqo|jit)(?:_[a-z]+)*$/;
const dangerous: ReadonlySet<string> = new Set(["jit_provider"]);

/** Whether SHOW and `current_setting` may tell a setting; case does not count, as in PostgreSQL. */
export function isShownSetting(name: string): boolean {
  const folded = name.toLowerCase();
  return shown.has(folded) || (families.test(folded) && !dangerous.has(folded));
}
