import { Matches } from 'class-validator';
import { Arg, Authorized, Ctx, Field, ID, InputType, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { CONNECTION_ID } from '../dli/connection.js';
import type { DeleteConnection } from '../idempotency/delete-connection.js';
import { Deadline } from '../lib/time.js';
import { DeleteDatasourceConnectionPayload } from './delete.payload.js';
import { InputProblemCode, reports } from './input-problem.js';
import type { MutationDependencies } from './mutation.js';
import { RateLimitedError, recordForAudit } from './mutation.js';
import type { RequestContext } from './request-context.js';
import { toDeletePayload } from './to-payload.js';
import { mapValidationErrors } from './user-errors.js';

interface Dependencies extends MutationDependencies {
  deleteConnection: DeleteConnection;
}

/** The mutation that deletes datasource connections. */
@Resolver()
export class DeleteDatasourceConnectionResolver {
  constructor(private readonly dependencies: Dependencies) {}

  @Authorized<Role>('delete')
  @Mutation(() => DeleteDatasourceConnectionPayload, {
    description:
      'Deletes a connection permanently. A repeat of the call gets the outcome of the first call. A connection that is still being created cannot be deleted yet.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async deleteDatasourceConnection(
    @Arg('input', () => DeleteDatasourceConnectionInput, { description: 'The connection to delete.' })
    { id: connectionId }: DeleteDatasourceConnectionInput,
    @Ctx() { traceId, caller: { tenant, roles } }: RequestContext,
  ): Promise<typeof DeleteDatasourceConnectionPayload> {
    const { deleteConnection, createLimit, clock, operationTimeoutMs, running, onChange } = this.dependencies;
    const deadline = new Deadline(clock, operationTimeoutMs);
    const waitSeconds = await createLimit.take(tenant);
    if (waitSeconds !== undefined) throw new RateLimitedError(waitSeconds);
    const outcome = await running.track(deleteConnection.run({ connectionId, tenant }, { deadline, traceId }));
    if (outcome.kind === 'deleted') onChange({ kind: 'deleted', id: connectionId });
    // `notFound`: another client deleted it, so cached reads are stale too.
    if (outcome.kind === 'unknown' || outcome.kind === 'notFound') onChange({ kind: 'unknown', id: connectionId });
    return toDeletePayload(outcome, connectionId, roles.has('read'));
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
}
