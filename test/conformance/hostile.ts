/** Texts that mean something to a parser, a formatter or a log somewhere: as values they mean themselves. */

export const hostileTexts: readonly string[] = [
  // What ends a literal or an identifier, and what escapes.
  "'",
  "''",
  '"',
  '""',
  "`",
  "``",
  "\\",
  "\\'",
  "\\\\' OR 1=1 -- ",
  "¿' OR 1=1 -- ",
  "\u02bc OR 1=1",
  "]",
  "]]",
  // A condition that is always true.
  "' OR '1'='1",
  "' OR 1=1 -- ",
  '" OR ""="',
  "x') OR ('1'='1",
  "1 OR 1=1",
  // Another statement.
  "'; DROP TABLE conformance_kept; -- ",
  "; DELETE FROM conformance_kept",
  "x'); DELETE FROM conformance_kept; COMMIT; -- ",
  "`; DROP TABLE conformance_kept; -- ",
  '"; DROP TABLE conformance_kept; -- ',
  // Another table's rows.
  "' UNION SELECT NULL, NULL -- ",
  "1 UNION ALL SELECT 1, 2",
  // Time, files and programs.
  "' AND pg_sleep(5) IS NULL -- ",
  "' AND SLEEP(5) -- ",
  "' INTO OUTFILE '/tmp/conformance' -- ",
  "$(touch /tmp/conformance)",
  "`touch /tmp/conformance`",
  "| cat /etc/passwd",
  "../../etc/passwd",
  // Comments, also those that some servers carry out.
  "--",
  "#",
  "/*",
  "*/",
  "/*! DROP TABLE conformance_kept */",
  "/*!50000 OR 1=1 */",
  // Placeholders and quoting of other kinds.
  "$1",
  "?",
  ":name",
  "@@version",
  "%s %n",
  "$$",
  "$tag$ text $tag$",
  "E'\\x27'",
  "\\x27",
  "{}",
  // Wildcards of patterns.
  "%",
  "_",
  "a%b",
  "a_b",
  "axb",
  "[a-z]",
  ".*",
  // Other languages' operators and templates.
  '{"$ne": null}',
  "__proto__",
  "constructor",
  "{{7*7}}",
  "<script>alert(1)</script>",
  // Bytes that are not there, not seen, or several.
  "\u0001",
  "line\nline",
  "line\r\nline",
  "\ttab",
  "\u202egnp.exe",
  "\ufeff",
  "🦉'",
  "𝄞",
  "e\u0301 ' é",
  "NULL",
  "true",
  "0",
  "",
  "'".repeat(1_000),
];

/** Those that no source could take for one of its names. */
export const namesNowhere = hostileTexts.filter((text) => text !== "" && text.length <= 512);

/** Such texts as names that a table and its fields do have: none longer than 63 bytes, nor beyond the BMP. */
export const oddNames: readonly string[] = [
  `a "b" \`c\` 'd'`,
  "select",
  "Drop Table",
  "semi;colon -- x",
  "back\\slash",
  "per%cent_under",
  "ques?tion $1 :a",
  "com/*ment*/ #",
  "Zürich 東京",
  "-minus",
  "dot.ted",
  "__proto__",
];
