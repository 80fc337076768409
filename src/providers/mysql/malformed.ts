/** What it means when a server's rows are not what its protocol makes them. */
import { Failure } from "../../failure.ts";

const upstream = "mysql";

export function malformedRow(): Failure {
  return new Failure("upstream_lost", "The source sent a row that is not what its columns promise.", {
    where: "upstream",
    upstream,
    remedy: "Check that the connector's host and port are those of a MySQL or MariaDB server.",
  });
}

export function malformedColumn(): Failure {
  return new Failure("upstream_lost", "The source sent a description of a column that can't be read.", {
    where: "upstream",
    upstream,
    remedy: "Check that the connector's host and port are those of a MySQL or MariaDB server.",
  });
}

/** A column of text whose bytes were never checked, by a cast for example. */
export function notUtf8(field = "?"): Failure {
  return new Failure("configuration_rejected", `The source's text in the field \`${field}\` is not UTF-8.`, {
    where: "upstream",
    upstream,
    remedy: "Correct the text at the source, or read the field as bytes in a native statement: CAST(… AS BINARY).",
    metadata: { field },
  });
}
