/** What one client may take of the server. All times are milliseconds. */
export interface Limits {
  /** From a connection's beginning to the end of its TLS handshake, HTTP/2 preface or HTTP/1.1 headers. Default: 10 s. */
  readonly headerTimeoutMs: number;
  /** From a request's beginning to the end of its body, however long its answer takes. Default: 60 s. */
  readonly requestTimeoutMs: number;
  /** A connection without a call is closed after this. Default: 5 min. */
  readonly idleTimeoutMs: number;
  /** The longest deadline that a call may ask for. Default: 1 h. */
  readonly maxTimeoutMs: number;
  /** A call that asks for no deadline has this one, unless its handler keeps the time by itself. Default: 30 s. */
  readonly defaultTimeoutMs: number;
  /** Bytes of a request's headers. Default: 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Calls at once on one HTTP/2 connection. Default: 256. */
  readonly maxStreamsPerConnection: number;
  /** Bytes of a request message, decompressed. Default: 4 MiB. */
  readonly readMaxBytes: number;
  /** Bytes of a response message. Default: 64 MiB. */
  readonly writeMaxBytes: number;
  /**
   * Response messages of at least so many bytes are compressed for clients that
   * accept it. Default: none is. connect-node's clients and grpc-js announce gzip
   * unasked, so that accepting can't be taken for asking, and gzip costs a stream
   * four fifths of its speed.
   */
  readonly compressMinBytes: number;
}

export const defaultLimits: Limits = {
  headerTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 300_000,
  maxTimeoutMs: 3_600_000,
  defaultTimeoutMs: 30_000,
  maxHeaderBytes: 16_384,
  maxStreamsPerConnection: 256,
  readMaxBytes: 4 * 1_048_576,
  writeMaxBytes: 64 * 1_048_576,
  compressMinBytes: Number.POSITIVE_INFINITY,
};
