import { hash } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { MiddlewareFn } from 'type-graphql';
import type { CreateLimit } from '../auth/caller.js';
import { UserError } from '../graphql/user-errors.js';
import type { Clock } from '../lib/time.js';
import { CreateDatasourceConnectionSuccess } from './create.payload.js';
import { DeleteDatasourceConnectionSuccess } from './delete.payload.js';
import type { RequestContext } from './request-context.js';

/** What every mutation works with. */
export interface MutationParts {
  createLimit: CreateLimit;
  clock: Clock;
  operationTimeoutMs: number;
  /** Counts what is under way, whose callers may leave before it ends. */
  running: RunningOperations;
  /** Called when a connection was changed, or may have been; without an id when that is not known. */
  onChange: (connectionId?: string) => void;
}

/** Counts what is under way, so that a stopping gateway can wait for work whose caller has gone. */
export class RunningOperations {
  #count = 0;
  #whenIdle: (() => void)[] = [];

  /** Runs an operation and counts it as long as it takes. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await operation();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  /** Resolves as soon as nothing is under way. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise(resolve => this.#whenIdle.push(resolve));
  }
}

/** The caller's tenant creates and deletes too much; nothing was done. Answered with HTTP status 429. */
export class RateLimitedError extends GraphQLError {
  constructor(retryAfterSeconds: number) {
    super('You create or delete too many connections at a time. Nothing was done; wait and send it again.', {
      extensions: { code: 'RATE_LIMITED', retryAfterSeconds, http: { status: 429 } },
    });
  }
}

/** Leaves an account of a mutation in the context, for the audit. */
export const accountForMutation: MiddlewareFn<RequestContext> = async ({ context, args, info }, next) => {
  const begun = { operation: info.fieldName, inputFingerprint: fingerprintOf(args['input']) };
  context.account = begun;
  const payload: unknown = await next();
  context.account = { ...begun, ...endOf(payload) };
  return payload;
};

function endOf(payload: unknown) {
  const requestId = payload instanceof Object && 'requestId' in payload ? payload.requestId : undefined;
  return {
    ...(payload instanceof Object && { outcome: payload.constructor.name }),
    ...(payload instanceof UserError && { code: payload.code }),
    ...(isSuccess(payload) && { connectionId: payload.connectionId }),
    ...(typeof requestId === 'string' && { requestId }),
  };
}

function isSuccess(
  payload: unknown,
): payload is CreateDatasourceConnectionSuccess | DeleteDatasourceConnectionSuccess {
  return (
    payload instanceof CreateDatasourceConnectionSuccess ||
    payload instanceof DeleteDatasourceConnectionSuccess
  );
}

// Equal for equal inputs, in whatever order a caller writes the fields. The key of the call is no part of what is
// asked for, and whoever knows a key can ask for its story.
function fingerprintOf(input: unknown): string {
  return hash(
    'sha256',
    JSON.stringify(input, (key, value) => (key === 'idempotencyKey' ? undefined : sorted(value))),
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
