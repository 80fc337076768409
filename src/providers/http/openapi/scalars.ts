/** Values that stand beside the rows of an answer. */
import { escaped } from "./fields.ts";
import { plain } from "./names.ts";
import type { Referenced } from "./reference.ts";
import { type JsonType, shapeOf } from "./schema.ts";

export interface Scalar {
  readonly pointer: string;
  /** In plain spelling, as the parent's; the parent of what stands at the top is empty. */
  readonly name: string;
  readonly parent: string;
  readonly type: JsonType | undefined;
  /** It is said to be a URL, or is called one. */
  readonly isUrl: boolean;
}

/** `paging.next.after` is as deep as they are. */
const maxDepth = 3;
const maxScalars = 300;

/** Texts, numbers and booleans of an answer that are in no list, the outermost first. */
export function scalarsIn(schema: unknown, references: Referenced): readonly Scalar[] {
  const scalars: Scalar[] = [];
  let level = [{ schema, pointer: "", parent: "" }];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const deeper: typeof level = [];
    for (const { schema: here, pointer: below, parent } of level) {
      for (const [property, value] of shapeOf(here, references).properties) {
        if (scalars.length + deeper.length > maxScalars) return scalars;
        const { type, format = "", description, properties } = shapeOf(value, references);
        const [name, pointer] = [plain(property), `${below}/${escaped(property)}`];
        if (properties.size > 0) deeper.push({ schema: value, pointer, parent: name });
        else if (type !== "array" && type !== "object") {
          const isUrl =
            /^ur[il]/.test(format) || /ur[il]|link|href/.test(name) || /\b(?:url|uri|link)\b/i.test(description);
          scalars.push({ pointer, name, parent, type, isUrl });
        }
      }
    }
    level = deeper;
  }
  return scalars;
}
