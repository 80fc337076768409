/**
 * Extensions whose functions compute: what they declare immutable or stable may be called.
 * Not in it are those that run SQL from text (tablefunc, xml2, pgrouting), reach files or
 * other servers (dblink, file_fdw, adminpack, http), or look into the server (pageinspect).
 *
 * @see https://www.postgresql.org/docs/18/contrib.html
 */
import { words } from "../sql/words.ts";

const computing = words(`btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch h3 hll hstore
  intarray ip4r isn ltree pg_trgm pgcrypto postgis postgis_sfcgal prefix semver seg topn tsm_system_rows
  tsm_system_time unaccent unit uuid-ossp vector`);

/** Volatile, and yet no more than a value of chance, of the clock or of a computation. */
const harmless = words(`gen_random_bytes gen_random_uuid gen_salt pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt
  pgp_pub_encrypt_bytea uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 st_generatepoints`);

/** Of extensions that do much more than compute. */
const chosen: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["timescaledb", words("time_bucket time_bucket_ng time_bucket_gapfill first last histogram locf interpolate")],
]);

/** @param volatility `i`, `s` or `v`, as in pg_proc */
export function isAllowedInExtension(extension: string, name: string, volatility: string): boolean {
  if (chosen.get(extension)?.has(name)) return true;
  return computing.has(extension) && (volatility !== "v" || harmless.has(name));
}
