import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import {
  Args,
  Authorized,
  Ctx,
  FieldResolver,
  Info,
  Query,
  Resolver,
  Root,
  Subscription,
  UseMiddleware,
} from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ReadConnection } from '../connection-reads/connection-snapshot.js';
import { ReadQueueFullError } from '../connection-reads/fair-rate-limiter.js';
import type { ReadContext } from '../connection-reads/limited-reads.js';
import type { ConnectionReader } from '../connection-reads/reader.js';
import { areBindingsSettled, readinessOf } from '../connection-reads/readiness.js';
import type { ConnectionEvent, ConnectionWatcher } from '../connection-reads/watcher.js';
import { stateOfWireName } from '../dli/connection.js';
import { DliError } from '../dli/dli-error.js';
import { ClassicDatasourceConnection } from './classic-connection.type.js';
import { DatasourceConnection } from './connection.type.js';
import { CreateDatasourceConnectionSuccess } from './create.payload.js';
import type { ToConnectionType } from './page.type.js';
import { DatasourceConnectionPage } from './page.type.js';
import { DatasourceConnectionArgs, DatasourceConnectionsArgs, WatchedConnectionArgs } from './read.args.js';
import { mapReadErrors } from './read-errors.js';
import type { RequestContext } from './request-context.js';
import { subscriberOf } from './request-context.js';
import type { ResourceNames } from './resource-names.js';
import { toCriteria } from './resource-names.js';
import { toUpstreamError } from './to-failure.js';

/** The topic of type-graphql's PubSub for changes of one connection, which the {@link WatchRequest} identifies. */
const WATCH_TOPIC = 'datasourceConnection';

/** A subscription to the changes of one connection. */
export interface WatchRequest {
  /** Not validated yet. */
  args: WatchedConnectionArgs;
  context: RequestContext;
}

/** Dependencies of reads of connections of both kinds. */
export interface ReadDependencies {
  reader: ConnectionReader;
  watcher: ConnectionWatcher;
  resourceNames: ResourceNames;
  toType: ToConnectionType;
}

/** Resolves the queries and the subscription of connections. */
@Resolver(() => CreateDatasourceConnectionSuccess)
export class DatasourceConnectionsResolver {
  constructor(private readonly dependencies: ReadDependencies) {}

  @Authorized<Role>('read')
  @Query(() => DatasourceConnection, {
    nullable: true,
    description:
      'One connection; null if it does not exist. A deleted one is still returned for a while, in state DELETED.',
  })
  @UseMiddleware(mapReadErrors)
  async datasourceConnection(
    @Args(() => DatasourceConnectionArgs) args: DatasourceConnectionArgs,
    @Ctx() context: RequestContext,
  ): Promise<DatasourceConnection | null> {
    const { reader, watcher } = this.dependencies;
    const { id, waitSeconds } = args;
    if (waitSeconds == null || waitSeconds === 0) return this.#toType(await reader.get(id, readContextOf(context)));
    const isMatch = await this.#endOfWait(args, context);
    const isLast = (event: ConnectionEvent) => event.kind === 'connection' && isMatch(event.connection);
    const latest = await watcher.waitFor(id, subscriberOf(context), isLast, waitSeconds * 1_000);
    if (latest === undefined) return this.#toType(await reader.get(id, readContextOf(context)));
    return this.#eventToType(latest);
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
    @Info() info: GraphQLResolveInfo,
  ): Promise<DatasourceConnectionPage> {
    const { reader, resourceNames, toType } = this.dependencies;
    const criteria = await toCriteria(filter, resourceNames, context.trace);
    // A caller that does not ask which kinds are missing would mistake a partial list for a complete one.
    const acceptsPartial = selectsField(info, 'unavailableKinds');
    const request = { first, after: after ?? undefined, filter: criteria, order, acceptsPartial };
    const page = await reader.page(request, readContextOf(context));
    // Many requests may have waited for the same list.
    await context.nextTurn?.();
    return new DatasourceConnectionPage(page, toType);
  }

  @Authorized<Role>('read')
  @Subscription(() => DatasourceConnection, {
    topics: WATCH_TOPIC,
    topicId: ({ args, context }): WatchRequest => ({ args: Object.assign(new WatchedConnectionArgs(), args), context }),
    name: 'datasourceConnection',
    nullable: true,
    description:
      'The current state of a connection, then an event for every change, until it is settled: a classic connection when it is ACTIVE, FAILED or DELETED; an enhanced one when it is DELETED, or no binding is CREATING and all of `untilBound` are bound or have failed. One event with null if the connection does not exist. While DLI is unavailable there is one event with an error, and the subscription continues.',
  })
  watched(
    @Root() event: ConnectionEvent,
    @Args(() => WatchedConnectionArgs) _args: WatchedConnectionArgs,
  ): DatasourceConnection | null {
    return this.#eventToType(event);
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
    const connection = await readCreated(this.dependencies.reader, connectionId, context);
    return this.#toType(connection);
  }

  /**
   * Starts the event source of a subscription.
   *
   * @throws {TooManyWatchesError}
   */
  async watch({ args: { id, untilBound }, context }: WatchRequest): Promise<AsyncIterable<ConnectionEvent>> {
    const { watcher, resourceNames } = this.dependencies;
    const until = untilBound == null ? undefined : await resourceNames.resolve(untilBound, context.trace);
    return watcher.watch(id, subscriberOf(context), until);
  }

  /** When a wait ends: with `untilBound`, once all of these are bound or have failed; otherwise at the first change. */
  async #endOfWait(
    { whileState, untilBound }: DatasourceConnectionArgs,
    { trace }: RequestContext,
  ): Promise<(connection: ReadConnection) => boolean> {
    if (untilBound != null) {
      const until = await this.dependencies.resourceNames.resolve(untilBound, trace);
      return connection => areBindingsSettled(connection, until);
    }
    let known: ReadConnection | undefined;
    return connection => {
      known ??= connection;
      const state = stateOfWireName(connection.state);
      if (state !== (whileState ?? stateOfWireName(known.state))) return true;
      return readinessIn(connection) !== readinessIn(known);
    };
  }

  #eventToType(event: ConnectionEvent): DatasourceConnection | null {
    if (event.kind === 'problem') throw toUpstreamError(event.error);
    if (event.kind === 'bug') throw event.error;
    return this.#toType(event.kind === 'absent' ? undefined : event.connection);
  }

  #toType(connection: ReadConnection | undefined): DatasourceConnection | null {
    return connection === undefined ? null : this.dependencies.toType(connection);
  }
}

/** Whether a selection of the resolved field has a field of this name. */
function selectsField({ fieldNodes, fragments }: GraphQLResolveInfo, name: string): boolean {
  const isSelected = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.some(selection => {
      if (selection.kind === Kind.FIELD) return selection.name.value === name;
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
      return isSelected(fragment?.selectionSet);
    }) ?? false;
  return fieldNodes.some(({ selectionSet }) => isSelected(selectionSet));
}

/** The context of a read on behalf of the caller of a request. */
export function readContextOf({ trace, caller: { tenant }, deadline }: RequestContext): ReadContext {
  return { trace, tenant, deadline };
}

/** The connection of a create that succeeded; undefined if it cannot be read now, or the caller may not read. */
export async function readCreated(
  reader: Pick<ConnectionReader, 'get'>,
  connectionId: string,
  context: RequestContext,
): Promise<ReadConnection | undefined> {
  if (!context.caller.roles.has('read')) return undefined;
  try {
    return await reader.get(connectionId, readContextOf(context));
  } catch (error) {
    // The failed call has already been logged. An error here would make many clients treat the create as failed.
    if (error instanceof DliError || error instanceof ReadQueueFullError) return undefined;
    throw error;
  }
}

function readinessIn(connection: ReadConnection): string | undefined {
  return connection.kind === 'ENHANCED' ? readinessOf(connection) : undefined;
}
