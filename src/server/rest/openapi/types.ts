/** As much of OpenAPI 3.1 as the document needs. */

/** JSON Schema (2020-12). */
export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description?: string;
  readonly required?: boolean;
  readonly style?: "deepObject";
  readonly schema: Schema;
}

export interface Reference {
  readonly $ref: string;
}

export interface Content {
  readonly [mediaType: string]: { readonly schema: Schema };
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (Parameter | Reference)[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<string, Reference | { readonly description: string; readonly content?: Content }>
  >;
}
