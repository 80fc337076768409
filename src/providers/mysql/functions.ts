/**
 * Which of the server's own functions a query may call: those that only compute, or tell
 * what a reader of the data may know.
 *
 * The lists name what is allowed, so that what a later server adds is refused until
 * somebody has looked at it. They say from which version on a server has a function:
 * before, its name is free for a stored function, of which nobody knows what it does.
 * Not in them are those that wait (SLEEP, BENCHMARK), lock (GET_LOCK), read files
 * (LOAD_FILE), count (UUID_SHORT, NEXTVAL), keep something in the session
 * (LAST_INSERT_ID), wait for replicas, or belong to the server's own views.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/built-in-function-reference.html
 * @see https://mariadb.com/kb/en/built-in-functions/
 */
import { words } from "../sql/words.ts";

/** What answers a connection. */
export interface Server {
  readonly isMariaDb: boolean;
  /** Major, minor and patch level: `[10, 11, 19]`. */
  readonly version: Version;
}

export type Version = readonly [major: number, minor: number, patch: number];

/** MySQL 8.0 and MariaDB 10.6 have them, and all that came after. */
const common = words(`
  AVG BIT_AND BIT_OR BIT_XOR COUNT GROUP_CONCAT JSON_ARRAYAGG JSON_OBJECTAGG MAX MIN STD STDDEV STDDEV_POP STDDEV_SAMP
  SUM VARIANCE VAR_POP VAR_SAMP
  CUME_DIST DENSE_RANK FIRST_VALUE LAG LAST_VALUE LEAD NTH_VALUE NTILE PERCENT_RANK RANK ROW_NUMBER
  COALESCE GREATEST IF IFNULL INTERVAL ISNULL LEAST NULLIF
  ABS ACOS ASIN ATAN ATAN2 CEIL CEILING CONV COS COT CRC32 DEGREES EXP FLOOR LN LOG LOG10 LOG2 MOD PI POW POWER RADIANS
  RAND ROUND SIGN SIN SQRT TAN TRUNCATE BIT_COUNT
  ASCII BIN BIT_LENGTH CAST CHAR CHARACTER_LENGTH CHAR_LENGTH CONCAT CONCAT_WS CONVERT ELT EXPORT_SET FIELD FIND_IN_SET
  FORMAT FROM_BASE64 HEX INSERT INSTR LCASE LEFT LENGTH LOCATE LOWER LPAD LTRIM MAKE_SET MID OCT OCTET_LENGTH ORD
  POSITION QUOTE REGEXP_INSTR REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT RPAD RTRIM SOUNDEX SPACE STRCMP
  SUBSTR SUBSTRING SUBSTRING_INDEX TO_BASE64 TRIM UCASE UNHEX UPPER WEIGHT_STRING EXTRACTVALUE UPDATEXML
  ADDDATE ADDTIME CONVERT_TZ CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURTIME DATE DATEDIFF DATE_ADD
  DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR EXTRACT FROM_DAYS FROM_UNIXTIME GET_FORMAT HOUR LAST_DAY
  LOCALTIME LOCALTIMESTAMP MAKEDATE MAKETIME MICROSECOND MINUTE MONTH MONTHNAME NOW PERIOD_ADD PERIOD_DIFF QUARTER
  SECOND SEC_TO_TIME STR_TO_DATE SUBDATE SUBTIME SYSDATE TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT
  TIME_TO_SEC TO_DAYS TO_SECONDS UNIX_TIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP WEEK WEEKDAY WEEKOFYEAR YEAR YEARWEEK
  AES_DECRYPT AES_ENCRYPT COMPRESS SHA2 UNCOMPRESS UNCOMPRESSED_LENGTH
  CHARSET COERCIBILITY COLLATION CONNECTION_ID CURRENT_ROLE CURRENT_USER DATABASE SCHEMA SESSION_USER SYSTEM_USER USER
  VERSION UUID DEFAULT VALUES
  INET6_ATON INET6_NTOA INET_ATON INET_NTOA IS_IPV4 IS_IPV4_COMPAT IS_IPV4_MAPPED IS_IPV6
  JSON_ARRAY JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_CONTAINS JSON_CONTAINS_PATH JSON_DEPTH JSON_EXTRACT JSON_INSERT
  JSON_KEYS JSON_LENGTH JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_OBJECT JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SEARCH
  JSON_SET JSON_TABLE JSON_TYPE JSON_UNQUOTE JSON_VALID
  GEOMETRYCOLLECTION LINESTRING MULTILINESTRING MULTIPOINT MULTIPOLYGON POINT POLYGON MBRCONTAINS MBRDISJOINT MBREQUALS
  MBRINTERSECTS MBROVERLAPS MBRTOUCHES MBRWITHIN ST_AREA ST_ASBINARY ST_ASGEOJSON ST_ASTEXT ST_ASWKB ST_ASWKT ST_BUFFER
  ST_CENTROID ST_CONTAINS ST_CONVEXHULL ST_CROSSES ST_DIFFERENCE ST_DIMENSION ST_DISJOINT ST_DISTANCE ST_DISTANCE_SPHERE
  ST_ENDPOINT ST_ENVELOPE ST_EQUALS ST_EXTERIORRING ST_GEOMCOLLFROMTEXT ST_GEOMCOLLFROMWKB ST_GEOMETRYCOLLECTIONFROMTEXT
  ST_GEOMETRYCOLLECTIONFROMWKB ST_GEOMETRYFROMTEXT ST_GEOMETRYFROMWKB ST_GEOMETRYN ST_GEOMETRYTYPE ST_GEOMFROMGEOJSON
  ST_GEOMFROMTEXT ST_GEOMFROMWKB ST_INTERIORRINGN ST_INTERSECTION ST_INTERSECTS ST_ISCLOSED ST_ISEMPTY ST_ISSIMPLE
  ST_LENGTH ST_LINEFROMTEXT ST_LINEFROMWKB ST_LINESTRINGFROMTEXT ST_LINESTRINGFROMWKB ST_NUMGEOMETRIES
  ST_NUMINTERIORRINGS ST_NUMPOINTS ST_OVERLAPS ST_POINTFROMTEXT ST_POINTFROMWKB ST_POINTN ST_POLYFROMTEXT ST_POLYFROMWKB
  ST_POLYGONFROMTEXT ST_POLYGONFROMWKB ST_SRID ST_STARTPOINT ST_SYMDIFFERENCE ST_TOUCHES ST_UNION ST_WITHIN ST_X ST_Y`);

/** From which version on a server has the functions, and from which it has them no more. */
type Since = readonly (readonly [since: Version, names: ReadonlySet<string>, until?: Version])[];

const ofMysql: Since = [
  // Of a component since then, which a server need not have: without it their names are free.
  [[8, 0, 0], words("MD5 SHA SHA1"), [9, 6, 0]],
  [
    [8, 0, 0],
    words(`ANY_VALUE BIN_TO_UUID FORMAT_BYTES FORMAT_PICO_TIME GROUPING ICU_VERSION IS_UUID JSON_PRETTY JSON_STORAGE_FREE
      JSON_STORAGE_SIZE RANDOM_BYTES REGEXP_LIKE STATEMENT_DIGEST STATEMENT_DIGEST_TEXT UUID_TO_BIN GEOMCOLLECTION
      MBRCOVEREDBY MBRCOVERS ST_GEOHASH ST_ISVALID ST_LATFROMGEOHASH ST_LATITUDE ST_LONGFROMGEOHASH ST_LONGITUDE
      ST_MAKEENVELOPE ST_MLINEFROMTEXT ST_MPOINTFROMTEXT ST_MPOLYFROMTEXT ST_NUMINTERIORRING ST_POINTFROMGEOHASH
      ST_SIMPLIFY ST_SWAPXY ST_TRANSFORM ST_VALIDATE`),
  ],
  [[8, 0, 17], words("JSON_OVERLAPS JSON_SCHEMA_VALID JSON_SCHEMA_VALIDATION_REPORT")],
  [[8, 0, 21], words("JSON_VALUE")],
  [[8, 0, 23], words("ST_FRECHETDISTANCE ST_HAUSDORFFDISTANCE")],
  [[8, 0, 24], words("ST_COLLECT ST_LINEINTERPOLATEPOINT ST_LINEINTERPOLATEPOINTS ST_POINTATDISTANCE")],
  [[9, 0, 0], words("FROM_VECTOR STRING_TO_VECTOR TO_VECTOR VECTOR_DIM VECTOR_TO_STRING")],
];

const ofMariaDb: Since = [
  [[10, 6, 1], words("MD5 SHA SHA1")],
  [
    [10, 6, 1],
    words(`ADD_MONTHS CHR COLUMN_ADD COLUMN_CHECK COLUMN_CREATE COLUMN_DELETE COLUMN_EXISTS COLUMN_GET COLUMN_JSON
      COLUMN_LIST JSON_COMPACT JSON_DETAILED JSON_EXISTS JSON_LOOSE JSON_MERGE JSON_QUERY JSON_VALUE LENGTHB MEDIAN NVL
      NVL2 PERCENTILE_CONT PERCENTILE_DISC ROWNUM ST_BOUNDARY ST_ISRING ST_POINTONSURFACE ST_RELATE SYS_GUID TO_CHAR
      AREA ASBINARY ASTEXT ASWKB ASWKT CENTROID DIMENSION ENDPOINT ENVELOPE GEOMETRYFROMTEXT GEOMFROMTEXT GEOMFROMWKB
      GLENGTH ISCLOSED ISEMPTY NUMPOINTS POINTFROMTEXT SRID STARTPOINT X Y`),
  ],
  [[10, 7, 1], words("JSON_EQUALS JSON_NORMALIZE NATURAL_SORT_KEY SFORMAT")],
  [[10, 8, 1], words("CRC32C")],
  [[10, 9, 1], words("JSON_OVERLAPS")],
  [[10, 10, 1], words("RANDOM_BYTES")],
  [[10, 10, 3], words("JSON_PRETTY")],
  [[11, 1, 1], words("JSON_SCHEMA_VALID")],
  [[11, 2, 1], words("JSON_ARRAY_INTERSECT JSON_KEY_VALUE JSON_OBJECT_FILTER_KEYS JSON_OBJECT_TO_ARRAY")],
  [[11, 3, 1], words("KDF")],
  [[11, 7, 1], words("UUID_V4 UUID_V7 VEC_DISTANCE_COSINE VEC_DISTANCE_EUCLIDEAN VEC_FROMTEXT VEC_TOTEXT")],
  [[11, 8, 1], words("FORMAT_BYTES VEC_DISTANCE")],
];

/** With a blank before its parenthesis each is a name like any other, of a stored function too. */
const onlyGlued = words(`
  ADDDATE BIT_AND BIT_OR BIT_XOR CAST COUNT CUME_DIST CURDATE CURTIME DATE_ADD DATE_SUB DENSE_RANK EXTRACT FIRST_VALUE
  GROUP_CONCAT JSON_ARRAYAGG JSON_OBJECTAGG LAG LAST_VALUE LEAD MAX MEDIAN MID MIN NOW NTH_VALUE NTILE PERCENTILE_CONT
  PERCENTILE_DISC PERCENT_RANK POSITION RANK ROW_NUMBER SESSION_USER ST_COLLECT STD STDDEV STDDEV_POP STDDEV_SAMP SUBDATE
  SUBSTR SUBSTRING SUM SYSDATE SYSTEM_USER TRIM VARIANCE VAR_POP VAR_SAMP`);

/** What is between the parentheses of a call. */
export interface Arguments {
  count: number;
  /** The word that only a table of JSON has. */
  hasColumns: boolean;
}

const some = ({ count }: Arguments) => count > 0;

/** With other arguments than these a call is one of a stored function. */
const shapes: ReadonlyMap<string, (its: Arguments) => boolean> = new Map([
  ["GEOMETRYCOLLECTION", some],
  ["JSON_TABLE", ({ hasColumns }: Arguments) => hasColumns],
  ["LINESTRING", some],
  ["MULTILINESTRING", some],
  ["MULTIPOINT", some],
  ["MULTIPOLYGON", some],
  ["POINT", ({ count }: Arguments) => count === 2],
  ["POLYGON", some],
]);

/**
 * Whether a call is of a function of the server's own, and one that a query may call.
 *
 * @param name in capitals
 * @param glued no blank is between it and its parenthesis
 * @see https://dev.mysql.com/doc/refman/9.1/en/function-resolution.html
 */
export function isAllowedBuiltin(name: string, glued: boolean, server: Server): boolean {
  if (!glued && onlyGlued.has(name)) return false;
  return listsFor(server).some((names) => names.has(name));
}

/** All functions of the server's own that a query may call. */
export function allowedBuiltins(server: Server): readonly string[] {
  return listsFor(server).flatMap((names) => [...names]);
}

function listsFor({ isMariaDb, version }: Server): readonly ReadonlySet<string>[] {
  const later = (isMariaDb ? ofMariaDb : ofMysql).filter(
    ([since, , until]) => isAtLeast(version, since) && (until === undefined || !isAtLeast(version, until)),
  );
  return [common, ...later.map(([, names]) => names)];
}

/** Whether arguments are those of the server's own function of a name in capitals. */
export function areOfBuiltin(name: string, its: Arguments): boolean {
  return shapes.get(name)?.(its) ?? true;
}

function isAtLeast(version: Version, since: Version): boolean {
  const place = since.findIndex((part, i) => part !== version[i]);
  return place === -1 || (version[place] as number) > (since[place] as number);
}
