import type { OperationContext } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import type { StartRead } from './coalesced-read.js';
import { CoalescedRead } from './coalesced-read.js';
import type { FairRateLimiter, RateLimitPermit } from './fair-rate-limiter.js';
import { ReadQueueFullError } from './fair-rate-limiter.js';

/** The caller of a read. */
export interface ReadContext {
  tenant: string;
  trace: TraceContext;
  /** Deadline of the response, if earlier than that of the read itself. */
  deadline?: Deadline | undefined;
}

/** Dependencies of reads from DLI. */
export interface ReadDependencies {
  /** Limits the reads of callers; polls of watched connections have a limiter of their own. */
  limiter: FairRateLimiter;
  clock: Clock;
  metrics: Metrics;
  /** Maximum age of a result shared with another caller, in milliseconds. */
  freshnessMs: number;
  /** Time limit of one read from DLI, in milliseconds. */
  timeoutMs: number;
}

/** Starts reads on behalf of callers, which pass through the limiter. */
export class LimitedReads {
  constructor(private readonly dependencies: Omit<ReadDependencies, 'freshnessMs'>) {}

  /** Creates the start function of a read, which rejects with {@link ReadQueueFullError} if too many are queued. */
  start<T>(trace: TraceContext, read: (context: OperationContext) => Promise<T>): StartRead<T> {
    const { clock, limiter, timeoutMs, metrics } = this.dependencies;
    const count = (result: 'sent' | 'failed' | 'queueFull') => metrics.count('dli_gateway_reads_total', { result });
    return async (tenants, markStarted) => {
      const context = { trace, deadline: new Deadline(clock, timeoutMs) };
      const result = await limiter
        .run(
          () => tenants,
          AbortSignal.timeout(Math.ceil(context.deadline.remainingMs())),
          async permit => {
            markStarted();
            return { value: await read(withPermit(context, permit)) };
          },
        )
        .catch(error => {
          count('failed');
          throw error;
        });
      if (result === undefined) {
        count('queueFull');
        metrics.count('dli_gateway_rate_limited_total', { kind: 'reads' });
        throw new ReadQueueFullError();
      }
      count('sent');
      return result.value;
    };
  }
}

/** Creates a coalesced read that counts the callers who share it. */
export function createCoalescedRead<T>({ clock, metrics }: ReadDependencies): CoalescedRead<T> {
  return new CoalescedRead(clock, () => metrics.count('dli_gateway_reads_total', { result: 'shared' }));
}

/** A context that retries only if the limiter allows it, and makes room for others while it waits for a shared call. */
export function withPermit(context: OperationContext, permit: RateLimitPermit): OperationContext {
  return { ...context, mayRetry: permit.tryTakeAnother, onSharedWait: permit.leave };
}

/** @throws {DliError} UNAVAILABLE if the read does not end before the deadline */
export async function beforeDeadline<T>(read: Promise<T>, deadline: Deadline | undefined): Promise<T> {
  if (deadline === undefined) return read;
  return withTimeout(deadline.remainingMs(), read, () => {
    throw new DliError('UNAVAILABLE', { retryAfterSeconds: 1 });
  });
}
