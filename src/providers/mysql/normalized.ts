/**
 * A statement without its values, so that it may be kept: what a literal stood for and
 * what a comment said is left out, names and the statement's shape stay.
 */
import { keptStatement, longestKept } from "../sql/kept-statement.ts";
import { readTokens, type Token } from "./tokens.ts";

/** A name that is written without quotes. */
const plainName = /^[\w$\u0080-\uffff]+$/;

/** Empty when it can't be told where its values are. */
export function normalized(text: string): string {
  if (text.includes("\0") || !text.isWellFormed()) return "";
  const tokens = readTokens(text);
  if ("message" in tokens) return "";
  let kept = "";
  for (const token of tokens) {
    if (kept.length > longestKept) break;
    kept += `${kept === "" || token.glued ? "" : " "}${keptOf(token)}`;
  }
  return keptStatement(kept);
}

function keptOf({ kind, text }: Token): string {
  if (kind === "string" || kind === "number") return "?";
  if (kind === "variable") return `@@${text}`;
  return kind === "name" && !plainName.test(text) ? `\`${text.replaceAll("`", "``")}\`` : text;
}
