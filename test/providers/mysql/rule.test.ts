/** Which rule of the source an action would break, as MySQL 8.4 and MariaDB 11 say it. */
import { expect, test } from "vitest";
import type { FailureKind } from "../../../src/failure.ts";
import { classify } from "../../../src/providers/mysql/errors.ts";
import { ServerError } from "../../../src/providers/mysql/protocol.ts";

const reference =
  "Cannot add or update a child row: a foreign key constraint fails (`shop`.`street`, CONSTRAINT `street_city` FOREIGN KEY (`city`) REFERENCES `city` (`id`))";

type Named = { readonly constraint?: string; readonly field?: string };

test.each<[number, string, string, FailureKind, Named]>([
  [
    1062,
    "23000",
    "Duplicate entry 'Bern' for key 'city.city_name'",
    "constraint_violated",
    { constraint: "city_name" },
  ],
  [1062, "23000", "Duplicate entry 'Bern' for key 'city_name'", "constraint_violated", { constraint: "city_name" }],
  [
    1062,
    "23000",
    "Duplicate entry 'a' for key 'b' for key 'PRIMARY'",
    "constraint_violated",
    { constraint: "PRIMARY" },
  ],
  [1062, "23000", "Duplicate entry 'x' for key 'secret", "constraint_violated", {}],
  [
    1586,
    "23000",
    "Duplicate entry 'Bern' for key 'city.city_name'",
    "constraint_violated",
    { constraint: "city_name" },
  ],
  [1452, "23000", reference, "constraint_violated", { constraint: "street_city" }],
  [1451, "23000", reference.replace("street_city", "a``b"), "constraint_violated", { constraint: "a`b" }],
  [1452, "23000", "Cannot add or update a child row: a foreign key constraint fails ()", "constraint_violated", {}],
  [1216, "23000", "Cannot add or update a child row: a foreign key constraint fails", "constraint_violated", {}],
  [1048, "23000", "Column 'name' cannot be null", "constraint_violated", { field: "name" }],
  [1364, "HY000", "Field 'name' doesn't have a default value", "constraint_violated", { field: "name" }],
  [3819, "HY000", "Check constraint 'city_people' is violated.", "constraint_violated", { constraint: "city_people" }],
  [4025, "23000", "CONSTRAINT `people` failed for `shop`.`city`", "constraint_violated", { constraint: "people" }],
  [1369, "44000", "CHECK OPTION failed `shop`.`towns`", "constraint_violated", {}],
  [1264, "22003", "Out of range value for column 'people' at row 7", "statement_rejected", { field: "people" }],
  [1406, "22001", "Data too long for column 'name' at row 1", "statement_rejected", { field: "name" }],
  [1265, "01000", "Data truncated for column 'mood' at row 1", "statement_rejected", {}],
  [1292, "22007", "Incorrect date value: '2026-13-01' for column `s`.`t`.`day` at row 1", "statement_rejected", {}],
  [
    ...([3105, "HY000", "The value specified for generated column 'big' in table 'city' is not allowed."] as const),
    ...(["statement_rejected", { field: "big" }] as const),
  ],
  [1290, "HY000", "The MySQL server is running with the --read-only option", "configuration_rejected", {}],
])("%i (%s) %s is %s of %j", (errno, state, message, kind, named) => {
  const failure = classify(new ServerError(errno, state, message), { changes: true });
  expect(failure).toMatchObject({ kind, status: state });
  expect(failure?.metadata).toEqual({ errno: String(errno), ...named });
});
