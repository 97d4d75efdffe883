/** The timeouts of a call to Huawei Cloud in production, in milliseconds. */
export const UPSTREAM_TIMEOUTS = {
  /** To wait for a free connection. It leaves time within an operation to reconcile a create. */
  queueMs: 5_000,
  /** To receive the body of a response or, with a filter, its next bytes. */
  bodyMs: 5_000,
};

/** Timeouts of a call to Huawei Cloud, in milliseconds. */
export type UpstreamTimeouts = Readonly<typeof UPSTREAM_TIMEOUTS>;

/** Limits of the calls to Huawei Cloud that are constant outside tests. */
export interface UpstreamLimits {
  /** Default is {@link UPSTREAM_TIMEOUTS}. */
  upstreamTimeouts?: UpstreamTimeouts | undefined;
  /** Maximum number of creates that wait for a connection to DLI. Default is 500. */
  queuedCreates?: number | undefined;
  /** Time within which creates share a read of the list to reconcile, in milliseconds. Default is 50. */
  lookupBatchMs?: number | undefined;
}
