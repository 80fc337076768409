/**
 * The comments of a contract, which the code that is made of it does not keep: the reference
 * that the service serves has them.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * The comments in front of a package's messages, enums and services and of their members, by
 * full names: `connector.v1.Query`, `connector.v1.Query.limit`, `connector.v1.Operator.OPERATOR_EQ`.
 *
 * @param image an encoded FileDescriptorSet with its source information
 */
export function commentsOf(image: Uint8Array, packageName: string): Record<string, string> {
  const { file } = fromBinary(FileDescriptorSetSchema, image);
  const found = file.filter((each) => each.package === packageName).flatMap((each) => [...commentsIn(each)]);
  return Object.fromEntries(found);
}

interface Described {
  readonly name: string;
  /** As descriptor.proto numbers it: the field of the file that holds it, and its place there. */
  readonly path: readonly [number, number];
  readonly members: readonly { readonly name: string }[];
}

/** Messages, enums and services have their members in the same field. */
const membersAt = 2;

function* commentsIn(file: FileDescriptorProto): Generator<[string, string]> {
  const locations = file.sourceCodeInfo?.location ?? [];
  const comments = new Map(locations.map(({ path, leadingComments }) => [path.join(), textOf(leadingComments)]));
  const described: Described[] = [
    ...file.messageType.map(({ name, field }, i) => ({ name, path: [4, i] as const, members: field })),
    ...file.enumType.map(({ name, value }, i) => ({ name, path: [5, i] as const, members: value })),
    ...file.service.map(({ name, method }, i) => ({ name, path: [6, i] as const, members: method })),
  ];
  for (const { name, path, members } of described) {
    const fullName = `${file.package}.${name}`;
    yield [fullName, comments.get(path.join()) ?? ""];
    for (const [i, member] of members.entries()) {
      yield [`${fullName}.${member.name}`, comments.get([...path, membersAt, i].join()) ?? ""];
    }
  }
}

/** Without the space behind each `//`. */
function textOf(comment: string): string {
  return comment.replaceAll(/^ /gm, "").trim();
}
