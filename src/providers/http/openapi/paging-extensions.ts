/** Paging as vendors write it into their documents, beside what OpenAPI has words for. */
import type { MoreRule, PagingStyle, SizeRule, Slot } from "../declaration.ts";
import { escaped } from "./fields.ts";
import type { Operation } from "./operations.ts";
import { ownList, ownText, ownTree, type Tree, treeOf } from "./tree.ts";

const unsaid: MoreRule = { more: undefined, total: undefined };

/**
 * What `x-speakeasy-pagination`, `x-fern-pagination` or `x-ms-pageable` says; undefined when
 * there is none of them, or when it says more than can be followed.
 */
export function declaredPaging({ tree }: Operation, size: SizeRule | undefined): PagingStyle | undefined {
  return speakeasy(tree, size) ?? fern(tree, size) ?? azure(tree, size);
}

/** https://www.speakeasy.com/docs/customize/runtime/pagination */
function speakeasy(tree: Tree, size: SizeRule | undefined): PagingStyle | undefined {
  const paging = ownTree(tree, "x-speakeasy-pagination");
  const outputs = ownTree(paging, "outputs");
  const slotFor = (type: string): Slot | undefined => {
    const input = ownList(paging, "inputs")
      .map(treeOf)
      .find((candidate) => ownText(candidate, "type") === type);
    const name = ownText(input, "name");
    return name !== undefined && ownText(input, "in") === "parameters" ? { in: "query", name } : undefined;
  };
  const [cursor, page, offset] = [slotFor("cursor"), slotFor("page"), slotFor("offset")];
  const next = pointerOfPath(ownText(outputs, "nextCursor"));
  const url = pointerOfPath(ownText(outputs, "nextUrl"));
  if (cursor !== undefined && next !== undefined) return { style: "token", slot: cursor, next, ...unsaid, size };
  if (url !== undefined) return { style: "next_url", next: url, size };
  if (page !== undefined) return { style: "page", slot: page, first: 1, ...unsaid, size };
  return offset === undefined ? undefined : { style: "offset", slot: offset, ...unsaid, size };
}

/** https://buildwithfern.com/learn/api-definitions/openapi/extensions/pagination */
function fern(tree: Tree, size: SizeRule | undefined): PagingStyle | undefined {
  const paging = ownTree(tree, "x-fern-pagination");
  const [cursor, offset] = [requestName(ownText(paging, "cursor")), requestName(ownText(paging, "offset"))];
  const next = pointerOfPath(ownText(paging, "next_cursor")?.replace(/^\$response/, "$"));
  if (cursor !== undefined && next !== undefined) {
    return { style: "token", slot: { in: "query", name: cursor }, next, ...unsaid, size };
  }
  if (offset === undefined) return undefined;
  const slot: Slot = { in: "query", name: offset };
  // Fern calls both so; only the name tells them apart.
  return /page/i.test(offset)
    ? { style: "page", slot, first: 1, ...unsaid, size }
    : { style: "offset", slot, ...unsaid, size };
}

/** https://github.com/Azure/autorest/blob/main/docs/extensions/readme.md#x-ms-pageable */
function azure(tree: Tree, size: SizeRule | undefined): PagingStyle | undefined {
  const name = ownText(ownTree(tree, "x-ms-pageable"), "nextLinkName");
  return name === undefined ? undefined : { style: "next_url", next: `/${escaped(name)}`, size };
}

/** `$.meta.next` as a JSON pointer; undefined for what names no single value. */
function pointerOfPath(path: string | undefined): string | undefined {
  if (path === undefined || !/^\$(?:\.[\w-]+)+$/.test(path)) return undefined;
  return path.slice(1).replaceAll(".", "/");
}

function requestName(path: string | undefined): string | undefined {
  return /^\$request\.([\w-]+)$/.exec(path ?? "")?.[1];
}
