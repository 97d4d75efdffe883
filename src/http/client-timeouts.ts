/** Time-outs for clients, in milliseconds. */
export interface ClientTimeouts {
  /** To receive the headers of a request. */
  readonly headersMs: number;
  /** To receive a whole request. */
  readonly requestMs: number;
  /** Between checks for slow clients. */
  readonly checkIntervalMs: number;
  /** To receive `connection_init` over a WebSocket. */
  readonly connectionInitMs: number;
  /** Between pings over a WebSocket, each of which must be answered before the next. */
  readonly pingIntervalMs: number;
}

/** The time-outs of a gateway in production. */
export const CLIENT_TIMEOUTS: ClientTimeouts = {
  headersMs: 10_000,
  requestMs: 20_000,
  // Node's default of 30 s is longer than the time-outs.
  checkIntervalMs: 1_000,
  connectionInitMs: 3_000,
  pingIntervalMs: 12_000,
};
