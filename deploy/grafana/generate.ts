/** `npm run dashboards`: writes the files that Grafana reads, from the code beside them. */
import { writeFile } from "node:fs/promises";
import { dashboardFiles } from "./files.ts";

for (const [name, text] of Object.entries(dashboardFiles())) await writeFile(new URL(name, import.meta.url), text);
