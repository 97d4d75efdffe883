/** What every resolver may know about the request. */
export interface GatewayContext {
  /** Identifies the request in the log and in errors: 32 lower-case hex digits. */
  traceId: string;
}
