import { hash } from 'node:crypto';
import { stringify } from 'safe-stable-stringify';
import type { MiddlewareFn } from 'type-graphql';
import { ArgumentValidationError } from 'type-graphql';
import type { MutationLimit } from '../auth/caller.js';
import type { ConnectionWatcher } from '../connection-reads/watcher.js';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import { describeProblems } from './input-problem.js';
import { PublicError } from './public-error.js';
import type { RequestContext } from './request-context.js';
import { InvalidInputError, UserError } from './user-errors.js';

/** The dependencies that all mutations share. */
export interface MutationDependencies {
  mutationLimit: MutationLimit;
  clock: Clock;
  operationTimeoutMs: number;
  /** Counts running mutations, whose callers may disconnect before they end. */
  running: RunningOperations;
  /** Applies a change of a connection, certain or possible, to what is read and watched. */
  watcher: Pick<ConnectionWatcher, 'applyChange'>;
  metrics: Metrics;
}

/** Counts running operations, so that a stopping gateway can wait for those whose callers have disconnected. */
export class RunningOperations {
  #count = 0;
  #whenIdle: (() => void)[] = [];

  /** Counts an operation until it ends, and settles with its result. */
  track<T>(operation: Promise<T>): Promise<T> {
    this.#count += 1;
    return operation.finally(() => {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }

  /** Resolves as soon as no operation is running. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise(resolve => this.#whenIdle.push(resolve));
  }
}

/**
 * Starts a mutation: counts it towards the tenant's rate limit, and sets its deadline, which also applies to the fields
 * of its payload.
 *
 * @throws {RateLimitedError}
 */
export async function startMutation(
  { clock, operationTimeoutMs, mutationLimit, metrics }: MutationDependencies,
  context: RequestContext,
): Promise<OperationContext> {
  const deadline = new Deadline(clock, operationTimeoutMs);
  context.deadline = deadline;
  const waitSeconds = await mutationLimit.take(context.caller.tenant);
  if (waitSeconds !== undefined) {
    metrics.count('dli_gateway_rate_limited_total', { kind: 'mutations' });
    throw new RateLimitedError(waitSeconds);
  }
  return { deadline, trace: context.trace };
}

/** The tenant exceeds its rate of mutations; nothing was done. Sent with HTTP status 429. */
class RateLimitedError extends PublicError {
  constructor(retryAfterSeconds: number) {
    const message =
      'You create, change or delete too many connections at a time. Nothing was done; wait, then repeat the request.';
    super('RATE_LIMITED', message, { retryAfterSeconds, http: { status: 429 } });
  }
}

/** Middleware of mutations that converts the errors of input validation to an {@link InvalidInputError}. */
export const mapValidationErrors: MiddlewareFn = async (_data, next) => {
  try {
    return await next();
  } catch (error) {
    const problems = error instanceof ArgumentValidationError ? describeProblems(error) : undefined;
    if (problems === undefined) throw error;
    return new InvalidInputError(problems);
  }
};

/** The fields of a payload that the audit log records; the members of the unions have more. */
interface MutationPayload {
  connectionId?: string;
  requestId?: string | null;
}

/** Middleware that records a mutation in the context, for the audit log. */
export const recordForAudit: MiddlewareFn<RequestContext> = async ({ context, args, info }, next) => {
  const started = { operation: info.fieldName, inputFingerprint: fingerprintOf(args['input']) };
  context.auditEntry = started;
  const payload: MutationPayload = await next();
  context.auditEntry = {
    ...started,
    ...outcomeOf(payload),
    ...connectionIdOf(payload, args['input']),
    ...(typeof payload.requestId === 'string' && { upstreamRequestId: payload.requestId }),
  };
  return payload;
};

/** The `__typename` of a payload, and its code if it is a failure, for the log. */
export function outcomeOf(payload: object): { outcome: string; code?: string } {
  return { outcome: payload.constructor.name, ...(payload instanceof UserError && { code: payload.code }) };
}

// A payload without an id is about the connection of the input, if there is one.
function connectionIdOf(payload: MutationPayload, input: MutationPayload): { connectionId?: string } {
  const { connectionId = input.connectionId } = payload instanceof UserError ? input : payload;
  return connectionId === undefined ? {} : { connectionId };
}

// Independent of the order of the fields. The idempotency key is omitted: it gives access to the create's outcome.
// `ifUnbound: false` is omitted, so that inputs keep the fingerprint that they had before the field existed.
function fingerprintOf(input: { ifUnbound?: boolean }): string {
  const { ifUnbound = false } = input;
  return hash('sha256', stringify({ ...input, idempotencyKey: undefined, ifUnbound: ifUnbound || undefined }) ?? '');
}
