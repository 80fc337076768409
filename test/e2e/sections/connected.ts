/** The sources as connectors, made once for all sections. */
import { LeftOut } from "../report.ts";
import type { Source, Table } from "../source.ts";
import type { Stage } from "../stage.ts";

export interface Connected {
  readonly id: string;
  readonly source: Source;
  /** What is read, by its full name: the table that was made, or the first that there is. */
  readonly resource: string;
}

const made = new WeakMap<Stage, Promise<readonly Connected[]>>();

/** @throws LeftOut where the run has no source */
export function connected(stage: Stage): Promise<readonly Connected[]> {
  if (stage.sources.length === 0) throw new LeftOut("no source was given (--source).");
  const found = made.get(stage) ?? Promise.all(stage.sources.map((source, index) => connectTo(stage, source, index)));
  made.set(stage, found);
  return found;
}

/** The first source with a table of the run's own. @throws LeftOut where there is none */
export async function writable(stage: Stage): Promise<Connected & { readonly table: Table }> {
  for (const each of await connected(stage)) {
    const { resource, source } = each;
    if (source.table !== undefined) return { ...each, table: { ...source.table, name: resource } };
  }
  throw new LeftOut("no source has a user who may make a table.");
}

async function connectTo(stage: Stage, source: Source, index: number): Promise<Connected> {
  const { id } = await stage.connect({ ...source.target, name: stage.named(`${source.provider}-${index}`) });
  const request = source.table === undefined ? { pageSize: 1 } : { namePrefix: source.table.name };
  const { resources } = await stage.client.getSchema(id, request);
  const [first] = resources;
  if (first === undefined) throw new LeftOut(`the source of ${source.provider} has nothing to read.`);
  return { id, source, resource: first.name };
}
