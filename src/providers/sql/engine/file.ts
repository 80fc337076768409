/** Files that a connector's configuration may name: those below its organization's directory. */
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { Failure } from "../../../failure.ts";

/** How a configuration names one, from the organization's directory on. */
export const fileName = z
  .string()
  .max(500)
  .refine(isPlain, "must be names with `/` between them, from your organization's directory on: `sales/2026.db`");

/** Nothing that leads elsewhere, and nothing that an engine takes for a URI or a database in memory. */
function isPlain(name: string): boolean {
  return !/[\\:\0]/.test(name) && name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/**
 * Where the file is.
 *
 * @param upstream the provider's id
 * @param files `SessionContext.files`
 * @throws Failure `configuration_rejected` when there is none below the directory; a link must not lead out of it
 */
export async function fileBelow(files: string | undefined, name: string, upstream: string): Promise<string> {
  const refused = (message: string, remedy: string) =>
    new Failure("configuration_rejected", message, { where: "connector", remedy, upstream });
  if (files === undefined) {
    throw refused("The service lets no connector read files.", "Ask its operator to set FILES_DIRECTORY.");
  }
  const found = await regularFile(files, name).catch(() => undefined);
  if (found !== undefined) return found;
  throw refused(
    `There is no file \`${name}\` in the organization's directory.`,
    "Change `config.file` with UpdateConnector, or ask the service's operator to put the file there; capitals count.",
  );
}

async function regularFile(files: string, name: string): Promise<string | undefined> {
  const [directory, found] = await Promise.all([realpath(files), realpath(path.join(files, name))]);
  return found.startsWith(directory + path.sep) && (await stat(found)).isFile() ? found : undefined;
}
