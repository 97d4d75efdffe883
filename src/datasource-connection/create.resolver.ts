import { randomUUID } from 'node:crypto';
import { Arg, Authorized, Ctx, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ClassicConnectionRequest } from '../dli/connection.js';
import type { CreateConnection } from '../idempotency/create-connection.js';
import { CreateDatasourceConnectionInput } from './create.input.js';
import { CreateDatasourceConnectionPayload } from './create.payload.js';
import type { MutationDependencies } from './mutation.js';
import { mapValidationErrors, recordForAudit, startMutation } from './mutation.js';
import type { RequestContext } from './request-context.js';
import { toClassicCreatePayload } from './to-payload.js';

interface Dependencies extends MutationDependencies {
  createConnection: CreateConnection;
}

/** The mutation that creates classic connections. */
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
    const { createConnection, running, watcher } = this.dependencies;
    const operation = await startMutation(this.dependencies, context);
    const idempotencyKey = input.idempotencyKey ?? randomUUID();
    const call = { request: toConnectionRequest(input), idempotencyKey, tenant: context.caller.tenant };
    const outcome = await running.track(createConnection.run(call, operation));
    if (outcome.kind === 'created')
      watcher.applyChange({ kind: 'created', id: outcome.connectionId, connectionKind: 'CLASSIC' });
    if (outcome.kind === 'unknown') watcher.applyChange({ kind: 'unknown' });
    return toClassicCreatePayload(outcome, input.name, idempotencyKey);
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
