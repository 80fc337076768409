/**
 * PostgreSQL's own parser, compiled to WebAssembly.
 *
 * The package's module is used without its wrapper, which keeps one instance for
 * ever: here an instance that trapped, or that grew, is dropped.
 */
import { createRequire } from "node:module";
import type { ParseResult } from "libpg-query";
import { judge, type Verdict } from "./statement-rules.ts";

/** What Emscripten makes of libpg_query; pointers are numbers. */
interface ParserModule {
  readonly HEAPU8: Uint8Array;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, size: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: "i32"): number;
  _malloc(size: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
}

export type Judge = (text: string) => Promise<Verdict>;

/** An instance begins with 128 MiB of address space, little of it ever touched. */
const maxMemoryBytes = 160 * 2 ** 20;
/** The parser quotes what it stumbled over, which may be the whole rest. */
const maxMessage = 200;

/** Makes a function that parses and judges a statement on this thread; loads the parser when it is first called. */
export function createJudge(): Judge {
  let loaded: Promise<ParserModule> | undefined;
  return async (text) => {
    loaded ??= load();
    const module = await loaded;
    try {
      const verdict = parse(module, text);
      if (module.HEAPU8.length > maxMemoryBytes) loaded = undefined;
      return verdict;
    } catch (error) {
      // A trap leaves the instance in no known state; an answer that is no JSON, too.
      loaded = undefined;
      const trapped = error instanceof RangeError || (error instanceof Error && error.name === "RuntimeError");
      if (trapped) return { kind: "exhausted" };
      throw error;
    }
  };
}

async function load(): Promise<ParserModule> {
  const create = createRequire(import.meta.url)("libpg-query/wasm/libpg-query.js") as () => Promise<ParserModule>;
  return create();
}

/** The result is three pointers: the tree as JSON, what went to stderr, and the error. */
function parse(module: ParserModule, text: string): Verdict {
  const size = module.lengthBytesUTF8(text) + 1;
  const query = module._malloc(size);
  module.stringToUTF8(text, query, size);
  const result = module._wasm_parse_query_raw(query);
  try {
    const error = module.getValue(result + 8, "i32");
    if (error !== 0) return describeError(module, error);
    return judge(JSON.parse(module.UTF8ToString(module.getValue(result, "i32"))) as ParseResult);
  } finally {
    module._free(query);
    module._wasm_free_parse_result(result);
  }
}

/** The error's first word points to its message, its fifth is the place, from 1. */
function describeError(module: ParserModule, error: number): Verdict {
  const message = module.UTF8ToString(module.getValue(error, "i32"));
  if (/^(?:memory exhausted|stack depth limit|out of memory)/.test(message)) return { kind: "exhausted" };
  const at = module.getValue(error + 16, "i32");
  const short = message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message;
  return { kind: "malformed", message: short, at: at > 0 ? at : undefined };
}
