/** The timeouts for clients of a gateway in production, in milliseconds. */
export const CLIENT_TIMEOUTS = {
  /** To receive the headers of a request. */
  headersMs: 10_000,
  /** To receive a whole request. */
  requestMs: 20_000,
  /** To read a response: what is buffered for a client must be sent within this time. */
  responseMs: 20_000,
  /** Before the first request. It must be longer than `headersMs`: only whole headers make a request. */
  idleMs: 30_000,
  /** Between checks for slow clients. Node's default of 30 s is longer than the timeouts. */
  checkIntervalMs: 1_000,
  /** To receive `connection_init` over a WebSocket. */
  connectionInitMs: 3_000,
  /** Between pings over a WebSocket, each of which must be answered before the next. */
  pingIntervalMs: 12_000,
};

/** Timeouts for clients, in milliseconds. */
export type ClientTimeouts = Readonly<typeof CLIENT_TIMEOUTS>;
