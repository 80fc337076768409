/**
 * Which of the server's own databases and tables a query may read: those that describe
 * the data. Not those with passwords, with other people's statements and values, or with
 * the server's files, settings and insides: privileges would keep most users from them,
 * and a connector's user may have them all.
 *
 * Every other database is the customer's, and what the connector's user was granted there
 * it may read: a view that reads across databases could not be told anyway.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/information-schema-table-reference.html
 * @see https://mariadb.com/kb/en/information-schema-tables/
 */
import { words } from "../sql/words.ts";

const closed = words("mysql performance_schema sys ndbinfo");

const describing = words(`
  administrable_role_authorizations applicable_roles character_sets check_constraints collations
  collation_character_set_applicability columns columns_extensions column_privileges enabled_roles engines events
  geometry_columns keywords key_column_usage parameters partitions periods referential_constraints role_column_grants
  role_routine_grants role_table_grants routines schemata schemata_extensions schema_privileges sequences
  spatial_ref_sys statistics st_geometry_columns st_spatial_reference_systems st_units_of_measure tables
  tables_extensions table_constraints table_constraints_extensions table_privileges triggers views view_routine_usage
  view_table_usage`);

/** As the server may compare names: neither case nor the form of a letter counts. */
const folded = (name: string) => name.normalize("NFKD").toUpperCase().toLowerCase().trim();

/** Whether nothing in a database of this name is a query's to read. */
export function isClosedDatabase(name: string): boolean {
  // So a name can be written as it is on the disk.
  return closed.has(folded(name).replace(/^#mysql50#/, ""));
}

/** Whether a database is the one that describes all the others. */
export function isInformationSchema(name: string): boolean {
  return folded(name) === "information_schema";
}

/** Whether a query may read a table of `information_schema`. */
export function isDescribing(table: string): boolean {
  return describing.has(table.toLowerCase());
}
