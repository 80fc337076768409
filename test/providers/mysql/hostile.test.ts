/** Hostile SQL through every entry, with a user who may do everything. */
import { describe } from "vitest";
import { classify } from "../../../src/providers/mysql/errors.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { siegeOf } from "../sql/siege.ts";
import { besieged, canary } from "./besieged.ts";
import { tricks } from "./hostile-inputs.ts";
import { openedSession } from "./opened-session.ts";

describe(`${isMariadb ? "MariaDB" : "MySQL"} besieged`, () => {
  siegeOf({
    besieged,
    openedSession,
    classify,
    tricks,
    // What stands in the server's files, and in its table of users.
    secrets: new RegExp(`${canary}|\\*[0-9A-F]{40}|[$]A[$]005[$]`),
    residue: "SELECT residue()",
    slowResidue: "SELECT residue(), pause()",
    condition: "name = ?",
  });
});
