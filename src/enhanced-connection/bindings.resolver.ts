import { Matches } from 'class-validator';
import { Arg, Authorized, Ctx, Field, ID, InputType, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { FollowsListRule } from '../datasource-connection/field-rules.js';
import { InputProblemCode, reports } from '../datasource-connection/input-problem.js';
import type { MutationDependencies } from '../datasource-connection/mutation.js';
import { mapValidationErrors, recordForAudit, startMutation } from '../datasource-connection/mutation.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { ConnectionResourceInput, resourceListRule, toResources } from '../datasource-connection/resource.input.js';
import { CONNECTION_ID } from '../dli/connection.js';
import type { ChangeBindingsOutcome } from '../idempotency/binding-outcomes.js';
import type { ChangeBindings, ChangeBindingsCommand } from '../idempotency/change-bindings.js';
import { BindDatasourceConnectionPayload, UnbindDatasourceConnectionPayload } from './bindings.payload.js';
import { toBindPayload, toUnbindPayload } from './to-bindings-payload.js';

/** The input of `bindDatasourceConnection` and `unbindDatasourceConnection`. */
@InputType({ description: 'A connection, and the pools and queues to bind it to or to unbind it from.' })
class ConnectionResourcesInput {
  @Field(() => ID, { description: "The connection's id, a UUID." })
  @Matches(
    CONNECTION_ID,
    reports(InputProblemCode.WRONG_FORMAT, 'connectionId must be a UUID, as the id of every connection is.'),
  )
  connectionId!: string;

  @Field(() => [ConnectionResourceInput], { description: '1 to 20 pools and queues, each once.' })
  @FollowsListRule(resourceListRule('resources', true))
  resources!: ConnectionResourceInput[];
}

interface Dependencies extends MutationDependencies {
  changeBindings: ChangeBindings;
}

/** The mutations that bind enhanced connections to pools and queues, and unbind them. */
@Resolver()
export class DatasourceConnectionBindingsResolver {
  constructor(private readonly dependencies: Dependencies) {}

  @Authorized<Role>('create', 'read')
  @Mutation(() => BindDatasourceConnectionPayload, {
    description:
      'Binds an enhanced connection to pools and queues, so that their jobs can use it. A repeat of the call gets the same outcome. Needs the rights to create and to read.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async bindDatasourceConnection(
    @Arg('input', () => ConnectionResourcesInput, { description: 'What to bind.' }) input: ConnectionResourcesInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof BindDatasourceConnectionPayload> {
    const outcome = await this.#change('bind', input, context);
    return toBindPayload(outcome, input.connectionId, this.dependencies.clock.epochMs());
  }

  @Authorized<Role>('create', 'read')
  @Mutation(() => UnbindDatasourceConnectionPayload, {
    description:
      'Unbinds an enhanced connection from pools and queues. Their jobs lose access to the data source. A repeat of the call gets the same outcome. Needs the rights to create and to read.',
  })
  @UseMiddleware(recordForAudit, mapValidationErrors)
  async unbindDatasourceConnection(
    @Arg('input', () => ConnectionResourcesInput, { description: 'What to unbind.' }) input: ConnectionResourcesInput,
    @Ctx() context: RequestContext,
  ): Promise<typeof UnbindDatasourceConnectionPayload> {
    const outcome = await this.#change('unbind', input, context);
    return toUnbindPayload(outcome, input.connectionId, this.dependencies.clock.epochMs());
  }

  async #change(
    action: ChangeBindingsCommand['action'],
    { connectionId, resources }: ConnectionResourcesInput,
    context: RequestContext,
  ): Promise<ChangeBindingsOutcome> {
    const { changeBindings, running, watcher } = this.dependencies;
    const operation = await startMutation(this.dependencies, context);
    const command = { action, connectionId, resources: toResources(resources) };
    const outcome = await running.track(changeBindings.run(command, operation));
    if (outcome.kind === 'changed' || ('changed' in outcome && outcome.changed.length > 0))
      watcher.applyChange({ kind: 'changed', id: connectionId });
    // `notFound`: another client deleted it, so cached reads are stale too.
    if (outcome.kind === 'unknown' || outcome.kind === 'notFound')
      watcher.applyChange({ kind: 'unknown', id: connectionId });
    return outcome;
  }
}
