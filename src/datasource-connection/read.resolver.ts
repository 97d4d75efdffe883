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
import type { ConnectionFilter, ReadConnection } from '../connection-reads/list-page.js';
import type { ConnectionReader, ReadContext } from '../connection-reads/reader.js';
import type { ConnectionEvent, ConnectionWatcher, Subscriber } from '../connection-reads/watcher.js';
import { stateOfWireName } from '../dli/connection.js';
import { DliError } from '../dli/dli-error.js';
import {
  ClassicDatasourceConnection,
  ConnectionState,
  DatasourceConnection,
  DatasourceConnectionPage,
} from './connection.type.js';
import { CreateDatasourceConnectionSuccess } from './create.payload.js';
import type { DatasourceConnectionFilter } from './read.args.js';
import { DatasourceConnectionArgs, DatasourceConnectionsArgs } from './read.args.js';
import { readingErrorOf, tellReadingErrors, upstreamErrorOf } from './read-errors.js';
import type { RequestContext } from './request-context.js';

/** The only topic; which connection is meant is said by the {@link FollowWish}. */
const FOLLOW_TOPIC = 'datasourceConnection';

/** Who wants to follow which connection. */
export interface FollowWish {
  id: string;
  context: RequestContext;
}

/** What the resolver of reads works with. */
interface DatasourceConnectionsResolverParts {
  reader: ConnectionReader;
  watcher: ConnectionWatcher;
}

/** Shows connections and lets them be followed. */
@Resolver(() => CreateDatasourceConnectionSuccess)
export class DatasourceConnectionsResolver {
  readonly #parts: DatasourceConnectionsResolverParts;

  constructor(parts: DatasourceConnectionsResolverParts) {
    this.#parts = parts;
  }

  @Authorized<Role>('read')
  @Query(() => DatasourceConnection, {
    nullable: true,
    description:
      'One connection; null when there is none. One that was deleted may be there for a while, as DELETED.',
  })
  @UseMiddleware(tellReadingErrors)
  async datasourceConnection(
    @Args(() => DatasourceConnectionArgs) { id, waitSeconds, whileState }: DatasourceConnectionArgs,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnection | null> {
    const { reader, watcher } = this.#parts;
    if (waitSeconds == null || waitSeconds === 0) return shown(await reader.get(id, readContextOf(context)));
    let known = whileState ?? undefined;
    const hasChanged = (event: ConnectionEvent) => {
      if (event.kind !== 'connection') return false;
      const state = stateOfWireName(event.connection.state);
      known ??= state;
      return state !== known;
    };
    const end = await watcher.waitFor(id, subscriberOf(context), hasChanged, waitSeconds * 1_000);
    if (end === undefined) return shown(await reader.get(id, readContextOf(context)));
    return shownEvent(end);
  }

  @Authorized<Role>('read')
  @Query(() => DatasourceConnectionPage, {
    description: 'The connections of the DLI project, in pages. DELETED ones are left out unless asked for.',
  })
  @UseMiddleware(tellReadingErrors)
  async datasourceConnections(
    @Args(() => DatasourceConnectionsArgs) { first, after, filter, order }: DatasourceConnectionsArgs,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnectionPage> {
    const request = { first, after: after ?? undefined, filter: toFilter(filter), order };
    return new DatasourceConnectionPage(await this.#parts.reader.page(request, readContextOf(context)));
  }

  @Authorized<Role>('read')
  @Subscription(() => DatasourceConnection, {
    topics: FOLLOW_TOPIC,
    topicId: ({ args, context }): FollowWish => ({ id: args['id'], context }),
    name: 'datasourceConnection',
    nullable: true,
    description:
      'A connection as it stands, and again at every change, until it is ACTIVE, FAILED or DELETED; null, once, when there is none. When DLI cannot be asked there is one event with an error, and the subscription goes on.',
  })
  followed(
    @Root() event: ConnectionEvent,
    @Arg('id', () => ID, { description: 'Its id.' }) _id: string,
  ): DatasourceConnection | null {
    return shownEvent(event);
  }

  @FieldResolver(() => ClassicDatasourceConnection, {
    nullable: true,
    description:
      'The connection itself; null when DLI cannot be asked for it now, or when the caller may not read, neither of which says anything against the success.',
  })
  async connection(
    @Root() { connectionId }: CreateDatasourceConnectionSuccess,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnection | null> {
    if (!context.caller.roles.has('read')) return null;
    try {
      return shown(await this.#parts.reader.get(connectionId, readContextOf(context)));
    } catch (error) {
      // It is in the log. An error here would have many clients take the create for a failure.
      if (error instanceof DliError) return null;
      throw error;
    }
  }

  /** Begins to follow for a subscription. */
  follow({ id, context }: FollowWish): AsyncIterable<ConnectionEvent> {
    try {
      return this.#parts.watcher.watch(id, subscriberOf(context));
    } catch (error) {
      throw readingErrorOf(error);
    }
  }
}

function readContextOf({ traceId, caller: { tenant }, deadline }: RequestContext): ReadContext {
  return { traceId, tenant, deadline };
}

function subscriberOf({ traceId, caller: { tenant }, onGone }: RequestContext): Subscriber {
  return { traceId, tenant, onGone };
}

function toFilter(filter: DatasourceConnectionFilter | null | undefined): ConnectionFilter {
  const { states, services, name, includeDeleted = false } = filter ?? {};
  return {
    states: states ?? (includeDeleted ? Object.values(ConnectionState) : undefined),
    services: services ?? undefined,
    name: name ?? undefined,
  };
}

function shownEvent(event: ConnectionEvent): DatasourceConnection | null {
  if (event.kind === 'problem') throw upstreamErrorOf(event.error);
  return shown(event.kind === 'absent' ? undefined : event.connection);
}

function shown(connection: ReadConnection | undefined): DatasourceConnection | null {
  return connection === undefined ? null : new ClassicDatasourceConnection(connection);
}
