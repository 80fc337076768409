/**
 * Prints a Protobuf descriptor as .proto source.
 *
 * For third-party files that npm packages carry as descriptors only. It prints
 * what an importer needs: messages, enums and extensions with their types,
 * numbers and defaults. Custom options and comments are left out; whoever
 * evaluates them reads them from the package's own descriptor.
 */
import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { Edition, FieldDescriptorProto_Label } from "@bufbuild/protobuf/wkt";

const syntaxes: Partial<Record<Edition, string>> = {
  [Edition.EDITION_PROTO2]: "proto2",
  [Edition.EDITION_PROTO3]: "proto3",
};

export function printProto(file: DescFile): string {
  const syntax = syntaxes[file.edition];
  if (syntax === undefined) {
    throw new Error(`${file.name}.proto: can't print edition ${Edition[file.edition]}`);
  }
  const extensionsByExtendee = Map.groupBy(file.extensions, (extension) => extension.extendee.typeName);
  return [
    `syntax = "${syntax}";`,
    `package ${file.proto.package};`,
    ...file.dependencies.map((dependency) => `import "${dependency.name}.proto";`),
    ...[...extensionsByExtendee].map(([extendee, extensions]) =>
      block(
        `extend .${extendee}`,
        extensions.map((extension) => printField(extension, syntax)),
      ),
    ),
    ...file.messages.map((message) => printMessage(message, syntax)),
    ...file.enums.map(printEnum),
    "",
  ].join("\n");
}

function printMessage(message: DescMessage, syntax: string): string {
  const loose = message.fields.filter((field) => field.oneof === undefined);
  return block(`message ${message.name}`, [
    ...message.nestedEnums.map(printEnum),
    ...message.nestedMessages
      .filter((nested) => !nested.proto.options?.mapEntry)
      .map((nested) => printMessage(nested, syntax)),
    ...message.oneofs.map((oneof) =>
      block(
        `oneof ${oneof.name}`,
        oneof.fields.map((field) => `${typeOf(field)} ${field.name} = ${field.number};`),
      ),
    ),
    ...loose.map((field) => printField(field, syntax)),
    ...message.proto.extensionRange.map((range) => `extensions ${range.start} to ${lastOf(range.end)};`),
  ]);
}

const maximumFieldNumber = 536_870_911;

/** The descriptor's end is exclusive. */
function lastOf(end: number): string {
  return end > maximumFieldNumber ? "max" : String(end - 1);
}

function printEnum(desc: DescEnum): string {
  return block(
    `enum ${desc.name}`,
    desc.values.map((value) => `${value.name} = ${value.number};`),
  );
}

function printField(field: DescField | DescExtension, syntax: string): string {
  const fallback = field.proto.defaultValue === "" ? "" : ` [default = ${field.proto.defaultValue}]`;
  return `${labelOf(field, syntax)}${typeOf(field)} ${field.name} = ${field.number}${fallback};`;
}

function labelOf(field: DescField | DescExtension, syntax: string): string {
  if (field.fieldKind === "map") return "";
  if (field.fieldKind === "list") return "repeated ";
  if (field.proto.label === FieldDescriptorProto_Label.REQUIRED) return "required ";
  return syntax === "proto2" || field.proto.proto3Optional ? "optional " : "";
}

function typeOf(field: DescField | DescExtension): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarName(field.scalar);
    case "enum":
      return `.${field.enum.typeName}`;
    case "message":
      return `.${field.message.typeName}`;
    case "list":
      return field.listKind === "scalar"
        ? scalarName(field.scalar)
        : `.${(field.listKind === "enum" ? field.enum : field.message).typeName}`;
    case "map": {
      const value =
        field.mapKind === "scalar"
          ? scalarName(field.scalar)
          : `.${(field.mapKind === "enum" ? field.enum : field.message).typeName}`;
      return `map<${scalarName(field.mapKey)}, ${value}>`;
    }
  }
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

function block(head: string, lines: string[]): string {
  return [`${head} {`, ...lines.flatMap((line) => line.split("\n")).map((line) => `  ${line}`), "}"].join("\n");
}
