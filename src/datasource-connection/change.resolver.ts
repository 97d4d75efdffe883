import { Args, Authorized, Field, ObjectType, Resolver, Root, registerEnumType, Subscription } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ListEvent } from '../connection-reads/list-poller.js';
import { ChangeKind } from '../connection-reads/list-poller.js';
import { DatasourceConnection } from './connection.type.js';
import { PublicError } from './public-error.js';
import { DatasourceConnectionChangesArgs, DatasourceConnectionFilter } from './read.args.js';
import type { ReadDependencies } from './read.resolver.js';
import type { RequestContext } from './request-context.js';
import { subscriberOf } from './request-context.js';
import { ConnectionResourceInput } from './resource.input.js';
import { toCriteria } from './resource-names.js';
import { toUpstreamError } from './to-failure.js';

/** A change of a connection in a watched list. */
@ObjectType('DatasourceConnectionChange', { description: 'What happened to a connection in a list.' })
class DatasourceConnectionChange {
  @Field(() => ChangeKind, { description: 'What happened to the connection.' })
  readonly kind: ChangeKind;

  @Field(() => DatasourceConnection, {
    description:
      'The connection as it is now. One that was removed because DLI no longer lists it is shown as it was last.',
  })
  readonly connection: DatasourceConnection;

  constructor(kind: ChangeKind, connection: DatasourceConnection) {
    this.kind = kind;
    this.connection = connection;
  }
}

registerEnumType(ChangeKind, {
  name: 'DatasourceConnectionChangeKind',
  description: 'What happened to a connection in a list.',
  valuesConfig: {
    ADDED: { description: 'The connection is new in the list, or has begun to match the filter.' },
    CHANGED: { description: 'A field of the connection has changed, such as its state or progress.' },
    REMOVED: {
      description: 'The connection no longer matches the filter, for example because it was deleted, or is gone.',
    },
  },
});

/** The topic of type-graphql's PubSub for changes of the list; a {@link ListWatchRequest} selects among them. */
export const LIST_TOPIC = 'datasourceConnections';

/** A subscription to the changes of the list. */
export interface ListWatchRequest {
  /** Not validated yet. */
  args: DatasourceConnectionChangesArgs;
  context: RequestContext;
}

/** Resolves the subscription to the changes of the list. */
@Resolver()
export class DatasourceConnectionChangesResolver {
  constructor(private readonly dependencies: Omit<ReadDependencies, 'reader'>) {}

  @Authorized<Role>('read')
  @Subscription(() => DatasourceConnectionChange, {
    topics: LIST_TOPIC,
    topicId: ({ args, context }): ListWatchRequest => ({ args: argsOf(args), context }),
    name: 'datasourceConnections',
    description:
      'The changes in the list of connections from now on, one event for each connection that changes. Subscribe, then query the list, and apply each event to the row with the id of its connection: an event may repeat what the row shows already. Subscribers that read slowly get the latest change of each connection only. While DLI is unavailable there is one event with an error, and the subscription continues.',
  })
  changes(
    @Root() event: ListEvent,
    @Args(() => DatasourceConnectionChangesArgs) _args: DatasourceConnectionChangesArgs,
  ): DatasourceConnectionChange {
    if (event.kind === 'problem') throw toUpstreamError(event.error);
    if (event.kind === 'bug') throw event.error;
    if (event.kind === 'tooMany')
      throw new PublicError(
        'SUBSCRIPTION_ENDED',
        'Too many connections have changed. Query the list and subscribe again.',
      );
    return new DatasourceConnectionChange(event.change, this.dependencies.toType(event.connection));
  }

  /**
   * Starts the event source of a subscription.
   *
   * @throws {TooManyWatchesError}
   */
  async watch({ args: { filter }, context }: ListWatchRequest): Promise<AsyncIterable<ListEvent>> {
    const { watcher, resourceNames } = this.dependencies;
    return watcher.watchList(await toCriteria(filter, resourceNames, context.trace), subscriberOf(context));
  }
}

// type-graphql creates instances of arguments for resolvers, but not for the start of a subscription.
function argsOf({ filter }: Record<string, unknown>): DatasourceConnectionChangesArgs {
  const args = new DatasourceConnectionChangesArgs();
  if (filter == null) return args;
  args.filter = Object.assign(new DatasourceConnectionFilter(), filter);
  const { boundTo } = args.filter;
  if (boundTo != null) args.filter.boundTo = Object.assign(new ConnectionResourceInput(), boundTo);
  return args;
}
