import { randomUUID } from 'node:crypto';
import { Arg, Authorized, Ctx, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ClassicConnectionRequest } from '../dli/connection.js';
import type { CreateConnection } from '../idempotency/create-connection.js';
import { Deadline } from '../lib/time.js';
import { CreateDatasourceConnectionInput } from './create.input.js';
import { CreateDatasourceConnectionPayload } from './create.payload.js';
import type { MutationDependencies } from './mutation.js';
import { RateLimitedError, recordForAudit } from './mutation.js';
import type { RequestContext } from './request-context.js';
import { toPayload } from './to-payload.js';
import { mapValidationErrors } from './user-errors.js';

interface Dependencies extends MutationDependencies {
  createConnection: CreateConnection;
}

/** The mutation that creates datasource connections. */
@Resolver()
export class CreateDatasourceConnectionResolver {
  constructor(private readonly dependencies: Dependencies) {}

  @Authorized<Role>('create')
  @Mutation(() => CreateDatasourceConnectionPayload, {
    description:
      'Creates a connection through which DLI reaches a service in your network: at most one, no matter how often the call is repeated with the same idempotency key.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async createDatasourceConnection(
    @Arg('input', () => CreateDatasourceConnectionInput, { description: 'The connection to create.' })
    input: CreateDatasourceConnectionInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateDatasourceConnectionPayload> {
    const { createConnection, createLimit, clock, operationTimeoutMs, running, onChange } = this.dependencies;
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
    const outcome = await running.track(createConnection.run(call, { deadline, traceId }));
    if (outcome.kind === 'created') {
      onChange({ kind: 'created', id: outcome.connectionId, connectionKind: 'CLASSIC' });
    }
    if (outcome.kind === 'unknown') onChange({ kind: 'unknown' });
    return toPayload(outcome, input.name, idempotencyKey);
  }
}

function toConnectionRequest(input: CreateDatasourceConnectionInput): ClassicConnectionRequest {
  const { name, service, securityGroupId, networkId, url, clusterName, tags } = input;
  return {
    kind: 'CLASSIC',
    name,
    service,
    securityGroupId,
    networkId,
    url,
    ...(clusterName != null && { clusterName }),
    ...(tags != null && { tags }),
  };
}
