/** How long the server waits for its clients, in milliseconds. */
export interface ClientPatience {
  /** For the headers of a request. */
  readonly headersMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  /** From one look for slow clients to the next. */
  readonly lookEveryMs: number;
  /** For the first message over a WebSocket. */
  readonly firstMessageMs: number;
  /** For the answer to a ping, which follows the one before it so much later. */
  readonly pingMs: number;
}

/** What clients are given. */
export const CLIENT_PATIENCE: ClientPatience = {
  headersMs: 10_000,
  requestMs: 20_000,
  // Node's default of 30 s would make the limits above mean little.
  lookEveryMs: 1_000,
  firstMessageMs: 3_000,
  pingMs: 12_000,
};
