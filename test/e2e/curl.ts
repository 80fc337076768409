/** curl, as a person or a script calls the service. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { findProgram } from "../../src/demo/observe/program.ts";
import { LeftOut } from "./report.ts";

export interface Curling {
  readonly key: string;
  readonly caFile: string | undefined;
  /** Default: GET, or POST where there is `json`. */
  readonly method?: string;
  readonly json?: unknown;
}

export interface Curled<Json> {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** The body, parsed when it is asked for. */
  readonly json: Json;
}

/** @throws LeftOut where there is no curl */
export async function curl<Json>(url: string, { key, caFile, method, json }: Curling): Promise<Curled<Json>> {
  const program = await findProgram("curl");
  if (program === undefined) throw new LeftOut("this machine has no curl.");
  const body = json === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(json)];
  const trust = caFile === undefined ? [] : ["--cacert", caFile];
  const verb = method === undefined ? [] : ["-X", method];
  // By its standard input, since every user of a machine sees arguments.
  const args = ["-sS", "-K", "-", "-w", "\n%{http_code} %{content_type}", ...verb, ...trust, ...body, url];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(`header = "Authorization: Bearer ${key}"\n`);
  const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const end = said.lastIndexOf("\n");
  const [status = "0", type = ""] = said.slice(end + 1).split(" ");
  if (Number(status) === 0) throw new Error(complaint.trim());
  const answer = said.slice(0, end);
  return {
    ...{ status: Number(status), type, body: answer },
    get json(): Json {
      return JSON.parse(answer) as Json;
    },
  };
}
