/** Hostile SQL through every entry, with a superuser of PostgreSQL for the connector's user. */
import { classify } from "../../src/providers/postgresql/errors.ts";
import { besieged, canary } from "../providers/postgresql/besieged.ts";
import { tricks } from "../providers/postgresql/hostile-inputs.ts";
import { openedSession } from "../providers/postgresql/opened.ts";
import { siegeOf } from "../providers/sql/siege.ts";

siegeOf({
  besieged,
  openedSession,
  classify,
  tricks,
  // What stands in the server's files, and in its table of users.
  secrets: new RegExp(`${canary}|SCRAM-SHA-256\\$`),
  residue: "SELECT residue()",
  slowResidue: "SELECT residue(), pg_sleep(0.05)",
  condition: "name = $1",
});
