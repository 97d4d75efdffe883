/** Time as the gateway reads it; tests hand in their own. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970-01-01 UTC, for what Huawei Cloud dates. */
  epochMs(): number;
  /** Milliseconds since an arbitrary start; never goes back, so deadlines and lifetimes use it. */
  monotonicMs(): number;
}

/** The clocks of this machine. */
export const SYSTEM_CLOCK: Clock = {
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
