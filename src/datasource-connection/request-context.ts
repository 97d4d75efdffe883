/** What resolvers may know about the request that they answer. */
export interface RequestContext {
  /** Identifies the request in the log and in errors: 32 lower-case hex digits. */
  traceId: string;
}
