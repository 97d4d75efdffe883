import { IsBoolean, Matches } from 'class-validator';
import { Arg, Authorized, Ctx, Field, ID, InputType, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { CONNECTION_ID } from '../dli/connection.js';
import type { DeleteConnection } from '../idempotency/delete-connection.js';
import { DeleteDatasourceConnectionPayload } from './delete.payload.js';
import { InputProblemCode, reports } from './input-problem.js';
import type { MutationDependencies } from './mutation.js';
import { mapValidationErrors, recordForAudit, startMutation } from './mutation.js';
import type { ToConnectionType } from './page.type.js';
import type { RequestContext } from './request-context.js';
import { toDeletePayload } from './to-payload.js';

interface Dependencies extends MutationDependencies {
  deleteConnection: DeleteConnection;
  toType: ToConnectionType;
}

/** The mutation that deletes datasource connections. */
@Resolver()
export class DeleteDatasourceConnectionResolver {
  constructor(private readonly dependencies: Dependencies) {}

  @Authorized<Role>('delete')
  @Mutation(() => DeleteDatasourceConnectionPayload, {
    description:
      'Deletes a connection permanently. A repeat of the call gets the outcome of the first call. A connection cannot be deleted while DLI is still creating it, or a binding of it that is not overdue.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async deleteDatasourceConnection(
    @Arg('input', () => DeleteDatasourceConnectionInput, { description: 'The connection to delete.' })
    { id: connectionId, ifUnbound }: DeleteDatasourceConnectionInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeleteDatasourceConnectionPayload> {
    const { deleteConnection, clock, running, watcher, toType } = this.dependencies;
    const operation = await startMutation(this.dependencies, context);
    const { tenant, roles } = context.caller;
    const outcome = await running.track(deleteConnection.run({ connectionId, ifUnbound, tenant }, operation));
    if (outcome.kind === 'deleted') watcher.applyChange({ kind: 'deleted', id: connectionId });
    // `notFound`: another client deleted it, so cached reads are stale too.
    if (outcome.kind === 'unknown' || outcome.kind === 'notFound')
      watcher.applyChange({ kind: 'unknown', id: connectionId });
    return toDeletePayload(outcome, toType, { connectionId, mayRead: roles.has('read'), nowMs: clock.epochMs() });
  }
}

/** The connection to delete. */
@InputType({ description: 'The connection to delete.' })
export class DeleteDatasourceConnectionInput {
  @Field(() => ID, { description: "The connection's id, a UUID." })
  @Matches(
    CONNECTION_ID,
    reports(InputProblemCode.WRONG_FORMAT, 'id must be a UUID, as the id of every connection is.'),
  )
  id!: string;

  @Field(() => Boolean, {
    description: 'Whether to refuse if a pool or queue is bound, whose jobs would lose access to the data source.',
  })
  @IsBoolean()
  ifUnbound: boolean = false;
}
