import {
  Arg,
  Args,
  Authorized,
  Ctx,
  FieldResolver,
  ID,
  Query,
  Resolver,
  Root,
  Subscription,
  UseMiddleware,
} from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { ReadQueueFullError } from '../connection-reads/fair-rate-limiter.js';
import type { ReadContext } from '../connection-reads/limited-reads.js';
import type { ReadConnection } from '../connection-reads/list-page.js';
import type { ConnectionReader } from '../connection-reads/reader.js';
import type { ConnectionEvent, ConnectionWatcher } from '../connection-reads/watcher.js';
import { stateOfWireName } from '../dli/connection.js';
import { DliError } from '../dli/dli-error.js';
import {
  ClassicDatasourceConnection,
  DatasourceConnection,
  DatasourceConnectionPage,
  toConnectionType,
} from './connection.type.js';
import { CreateDatasourceConnectionSuccess } from './create.payload.js';
import { DatasourceConnectionArgs, DatasourceConnectionFilter, DatasourceConnectionsArgs } from './read.args.js';
import { mapReadErrors } from './read-errors.js';
import type { RequestContext } from './request-context.js';
import { subscriberOf } from './request-context.js';
import { toUpstreamError } from './to-payload.js';

/** The topic of type-graphql's PubSub for changes of one connection; the {@link WatchRequest} identifies the connection. */
const WATCH_TOPIC = 'datasourceConnection';

/** A subscription to the changes of one connection. */
export interface WatchRequest {
  id: string;
  context: RequestContext;
}

/** Resolves the queries and the subscription of connections. */
@Resolver(() => CreateDatasourceConnectionSuccess)
export class DatasourceConnectionsResolver {
  constructor(
    private readonly reader: ConnectionReader,
    private readonly watcher: ConnectionWatcher,
  ) {}

  @Authorized<Role>('read')
  @Query(() => DatasourceConnection, {
    nullable: true,
    description:
      'One connection; null if it does not exist. A deleted one is still returned for a while, in state DELETED.',
  })
  @UseMiddleware(mapReadErrors)
  async datasourceConnection(
    @Args(() => DatasourceConnectionArgs) { id, waitSeconds, whileState }: DatasourceConnectionArgs,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnection | null> {
    if (waitSeconds == null || waitSeconds === 0) return toType(await this.reader.get(id, readContextOf(context)));
    let knownState = whileState ?? undefined;
    const hasChanged = (event: ConnectionEvent) => {
      if (event.kind !== 'connection') return false;
      const state = stateOfWireName(event.connection.state);
      knownState ??= state;
      return state !== knownState;
    };
    const latest = await this.watcher.waitFor(id, subscriberOf(context), hasChanged, waitSeconds * 1_000);
    if (latest === undefined) return toType(await this.reader.get(id, readContextOf(context)));
    return eventToType(latest);
  }

  @Authorized<Role>('read')
  @Query(() => DatasourceConnectionPage, {
    description:
      'The connections of the DLI project, in pages. DELETED ones are included only if the filter asks for them.',
  })
  @UseMiddleware(mapReadErrors)
  async datasourceConnections(
    @Args(() => DatasourceConnectionsArgs) { first, after, filter, order }: DatasourceConnectionsArgs,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnectionPage> {
    const request = {
      first,
      after: after ?? undefined,
      filter: (filter ?? new DatasourceConnectionFilter()).toCriteria(),
      order,
    };
    const page = await this.reader.page(request, readContextOf(context));
    // Many requests may have waited for the same list.
    await context.nextTurn?.();
    return new DatasourceConnectionPage(page);
  }

  @Authorized<Role>('read')
  @Subscription(() => DatasourceConnection, {
    topics: WATCH_TOPIC,
    topicId: ({ args, context }): WatchRequest => ({ id: args['id'], context }),
    name: 'datasourceConnection',
    nullable: true,
    description:
      'The current state of a connection, then an event for every change, until it is ACTIVE, FAILED or DELETED. One event with null if the connection does not exist. While DLI is unavailable there is one event with an error, and the subscription continues.',
  })
  watched(
    @Root() event: ConnectionEvent,
    @Arg('id', () => ID, { description: 'The id of the connection.' }) _id: string,
  ): DatasourceConnection | null {
    return eventToType(event);
  }

  @FieldResolver(() => ClassicDatasourceConnection, {
    nullable: true,
    description:
      'The connection itself; null if DLI is unavailable at the moment, or the caller may not read. The create succeeded in either case.',
  })
  async connection(
    @Root() { connectionId }: CreateDatasourceConnectionSuccess,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnection | null> {
    if (!context.caller.roles.has('read')) return null;
    try {
      return toType(await this.reader.get(connectionId, readContextOf(context)));
    } catch (error) {
      // A failed call is logged already. With an error here, many clients would treat the create as failed.
      if (error instanceof DliError || error instanceof ReadQueueFullError) return null;
      throw error;
    }
  }

  /**
   * Starts the event source of a subscription.
   *
   * @throws {TooManyWatchesError}
   */
  watch({ id, context }: WatchRequest): AsyncIterable<ConnectionEvent> {
    return this.watcher.watch(id, subscriberOf(context));
  }
}

/** The context of a read on behalf of the caller of a request. */
export function readContextOf({ traceId, caller: { tenant }, deadline }: RequestContext): ReadContext {
  return { traceId, tenant, deadline };
}

function eventToType(event: ConnectionEvent): DatasourceConnection | null {
  if (event.kind === 'problem') throw toUpstreamError(event.error);
  return toType(event.kind === 'absent' ? undefined : event.connection);
}

/** A connection as its GraphQL type; null for one that does not exist. */
export function toType(connection: ReadConnection | undefined): DatasourceConnection | null {
  return connection === undefined ? null : toConnectionType(connection);
}
