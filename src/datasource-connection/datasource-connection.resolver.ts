import { randomUUID } from 'node:crypto';
import { Arg, Authorized, Ctx, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { CreateLimit } from '../auth/rate-limits.js';
import type { ConnectionRequest } from '../dli/connection.js';
import { answerInvalidInput } from '../graphql/user-errors.js';
import type { CreateOnce } from '../idempotency/create-connection.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { accountForMutation } from './account-for-mutation.middleware.js';
import { CreateDatasourceConnectionInput } from './create-datasource-connection.input.js';
import { CreateDatasourceConnectionPayload } from './create-datasource-connection.payload.js';
import { toPayload } from './create-outcome-to-payload.js';
import { RateLimitedError } from './rate-limited-error.js';
import type { RequestContext } from './request-context.js';
import type { RunningOperations } from './running-operations.js';

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

/** What the resolver of creates works with. */
export interface DatasourceConnectionResolverParts extends MutationParts {
  createOnce: CreateOnce;
}

/** Creates datasource connections. */
@Resolver()
export class DatasourceConnectionResolver {
  readonly #parts: DatasourceConnectionResolverParts;

  constructor(parts: DatasourceConnectionResolverParts) {
    this.#parts = parts;
  }

  @Authorized<Role>('create')
  @Mutation(() => CreateDatasourceConnectionPayload, {
    description:
      'Creates a connection through which DLI reaches a service in your network: at most one, however often the call is repeated with the same idempotency key.',
  })
  @UseMiddleware(accountForMutation, answerInvalidInput)
  async createDatasourceConnection(
    @Arg('input', () => CreateDatasourceConnectionInput, { description: 'The connection to create.' })
    input: CreateDatasourceConnectionInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateDatasourceConnectionPayload> {
    const { createOnce, createLimit, clock, operationTimeoutMs, running, onChange } = this.#parts;
    const deadline = new Deadline(clock, operationTimeoutMs);
    context.deadline = deadline;
    const {
      traceId,
      caller: { tenant },
    } = context;
    const waitSeconds = await createLimit.take(tenant);
    if (waitSeconds !== undefined) throw new RateLimitedError(waitSeconds);
    const idempotencyKey = input.idempotencyKey ?? randomUUID();
    const call = { request: toConnectionRequest(input), idempotencyKey, tenant };
    const outcome = await running.run(() => createOnce.create(call, { deadline, traceId }));
    if (outcome.kind === 'created') onChange(outcome.connectionId);
    if (outcome.kind === 'unknown') onChange();
    return toPayload(outcome, input.name, idempotencyKey);
  }
}

function toConnectionRequest(input: CreateDatasourceConnectionInput): ConnectionRequest {
  const { name, service, securityGroupId, networkId, url, clusterName, tags } = input;
  return {
    name,
    service,
    securityGroupId,
    networkId,
    url,
    ...(clusterName != null && { clusterName }),
    ...(tags != null && { tags }),
  };
}
