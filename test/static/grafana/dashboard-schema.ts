/** The JSON Schema of a dashboard's file. */
import { fileURLToPath } from "node:url";
import { Ajv, type SchemaObject, type ValidateFunction } from "ajv";
import { createGenerator } from "ts-json-schema-generator";

const file = fileURLToPath(new URL("dashboard-file.ts", import.meta.url));
const compilerOptions = fileURLToPath(new URL("tsconfig.json", import.meta.url));

/** Whether a value is what Grafana's types say; a member that they don't know is none. Takes some seconds. */
export function dashboardSchema(): ValidateFunction {
  const generator = createGenerator({
    path: file,
    type: "DashboardFile",
    tsconfig: compilerOptions,
    // Grafana has several types of one name: they can't be told apart as definitions.
    expose: "none",
    additionalProperties: false,
    skipTypeCheck: true,
  });
  return new Ajv({ strict: false, allErrors: true }).compile(generator.createSchema("DashboardFile") as SchemaObject);
}
