/** Calls to a MariaDB to which the way is harmed. */
import { mysqlKind } from "../support/mysql-kind.ts";
import { testWayToSource } from "./source-scenarios.ts";

testWayToSource(mysqlKind);
