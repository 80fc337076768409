/** Calls to a PostgreSQL to which the way is harmed. */
import { postgresqlKind } from "../support/postgresql-kind.ts";
import { testWayToSource } from "./source-scenarios.ts";

testWayToSource(postgresqlKind);
