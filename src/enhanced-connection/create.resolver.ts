import { randomUUID } from 'node:crypto';
import { Arg, Authorized, Ctx, FieldResolver, Mutation, Resolver, Root, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ConnectionReader } from '../connection-reads/reader.js';
import type { MutationDependencies } from '../datasource-connection/mutation.js';
import { mapValidationErrors, recordForAudit, startMutation } from '../datasource-connection/mutation.js';
import { readCreated } from '../datasource-connection/read.resolver.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { toResources } from '../datasource-connection/resource.input.js';
import type { EnhancedConnectionRequest } from '../dli/connection.js';
import type { CreateEnhancedConnection } from '../idempotency/create-enhanced-connection.js';
import { EnhancedDatasourceConnection } from './connection.type.js';
import { CreateEnhancedDatasourceConnectionInput } from './create.input.js';
import {
  CreateEnhancedDatasourceConnectionPayload,
  CreateEnhancedDatasourceConnectionSuccess,
} from './create.payload.js';
import { toCreatePayload } from './to-create-payload.js';

interface Dependencies extends MutationDependencies {
  createEnhancedConnection: CreateEnhancedConnection;
  reader: Pick<ConnectionReader, 'get'>;
}

/** The mutation that creates enhanced connections. */
@Resolver(() => CreateEnhancedDatasourceConnectionSuccess)
export class CreateEnhancedDatasourceConnectionResolver {
  constructor(private readonly dependencies: Dependencies) {}

  @Authorized<Role>('create')
  @Mutation(() => CreateEnhancedDatasourceConnectionPayload, {
    description:
      'Creates an enhanced connection, to a subnet of a VPC: at most one, no matter how often the call is repeated with the same idempotency key. Then binds it to the pools and queues of the input.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async createEnhancedDatasourceConnection(
    @Arg('input', () => CreateEnhancedDatasourceConnectionInput, { description: 'The connection to create.' })
    input: CreateEnhancedDatasourceConnectionInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateEnhancedDatasourceConnectionPayload> {
    const { createEnhancedConnection, running, watcher } = this.dependencies;
    const operation = await startMutation(this.dependencies, context);
    const idempotencyKey = input.idempotencyKey ?? randomUUID();
    const command = {
      request: toConnectionRequest(input),
      idempotencyKey,
      tenant: context.caller.tenant,
      resources: toResources(input.resources ?? []),
    };
    const outcome = await running.track(createEnhancedConnection.run(command, operation));
    if (outcome.kind === 'created')
      watcher.applyChange({ kind: 'created', id: outcome.connectionId, connectionKind: 'ENHANCED' });
    if (outcome.kind === 'unknown') watcher.applyChange({ kind: 'unknown' });
    return toCreatePayload(outcome, input.name, idempotencyKey);
  }

  @FieldResolver(() => EnhancedDatasourceConnection, {
    nullable: true,
    description:
      'The connection itself; null if DLI is unavailable at the moment, or the caller may not read. The create succeeded in either case.',
  })
  async connection(
    @Root() { connectionId }: CreateEnhancedDatasourceConnectionSuccess,
    @Ctx() context: RequestContext,
  ): Promise<EnhancedDatasourceConnection | null> {
    const connection = await readCreated(this.dependencies.reader, connectionId, context);
    return connection?.kind === 'ENHANCED' ? new EnhancedDatasourceConnection(connection) : null;
  }
}

function toConnectionRequest(input: CreateEnhancedDatasourceConnectionInput): EnhancedConnectionRequest {
  const { name, vpcId, networkId, routeTableId, hosts, tags } = input;
  return {
    kind: 'ENHANCED',
    name,
    vpcId,
    networkId,
    ...(routeTableId != null && { routeTableId }),
    ...(hosts != null && { hosts }),
    ...(tags != null && { tags }),
  };
}
