/** What the client gives its users wherever it runs. */
export { Code } from "@connectrpc/connect";
export { CheckOutcome } from "../gen/connector/v1/connector_pb.js";
export type { Filter } from "../gen/connector/v1/filter_pb.js";
export { ResourceKind } from "../gen/connector/v1/schema_pb.js";
export { Truncation } from "../gen/connector/v1/stream_pb.js";
export { type Field, FieldType } from "../gen/connector/v1/value_pb.js";
export type { ActionInput, ActionOptions, Executed, NewRow } from "./action.ts";
export type {
  CallOptions,
  ConnectorClient,
  ExecuteOptions,
  PageOptions,
  QueryOptions,
  StreamOptions,
  UpdateOptions,
} from "./client.ts";
export type { Cell } from "./decode/scalar.ts";
export { ConnectorError, type ErrorReason, type FieldError } from "./error.ts";
export { and, type FieldFilter, field, not, or } from "./filter.ts";
export type { Page } from "./page.ts";
export type { NativeQuery, QueryInput, ResourceQuery } from "./query.ts";
export type { Row, RowMethods, UntypedFields, UntypedRow } from "./row.ts";
export type { RowBatch, RowStream } from "./stream.ts";
export type { Parameter } from "./value.ts";
