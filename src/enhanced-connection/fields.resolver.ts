import { IsOptional, Max, MaxLength, Min } from 'class-validator';
import type { GraphQLResolveInfo } from 'graphql';
import { OperationTypeNode } from 'graphql';
import { Args, ArgsType, Ctx, Field, FieldResolver, Info, Int, Resolver, Root, UseMiddleware } from 'type-graphql';
import type { ConnectionDetails } from '../connection-reads/connection-details.js';
import { MAX_CURSOR_LENGTH } from '../connection-reads/cursor.js';
import { ReadQueueFullError } from '../connection-reads/fair-rate-limiter.js';
import { Tag, toTags } from '../datasource-connection/connection.type.js';
import { InputProblemCode, reports } from '../datasource-connection/input-problem.js';
import { PublicError } from '../datasource-connection/public-error.js';
import { readContextOf } from '../datasource-connection/read.resolver.js';
import { mapReadErrors } from '../datasource-connection/read-errors.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { DliError } from '../dli/dli-error.js';
import { EnhancedDatasourceConnection, HostMappingPage } from './connection.type.js';

const MAX_PAGE = 1_000;
const MAX_NAME_LENGTH = 128;
// A list of 100 connections must not cause 200 calls to DLI.
const MAX_DETAILS = 20;

/** The arguments of `hosts`. */
@ArgsType()
class HostsArgs {
  @Field(() => Int, { defaultValue: 100, description: `Maximum number of host names on the page: 1 to ${MAX_PAGE}.` })
  @Min(1, reports(InputProblemCode.TOO_SMALL, `first must be 1 to ${MAX_PAGE}.`, 1))
  @Max(MAX_PAGE, reports(InputProblemCode.TOO_LARGE, `first must be 1 to ${MAX_PAGE}.`, MAX_PAGE))
  first!: number;

  @Field(() => String, {
    nullable: true,
    description: 'The `nextCursor` of the previous page. Default: the first page.',
  })
  @IsOptional()
  @MaxLength(
    MAX_CURSOR_LENGTH,
    reports(InputProblemCode.TOO_LONG, 'after must be the nextCursor of a page.', MAX_CURSOR_LENGTH),
  )
  after?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `Only host names that contain this text, ignoring case; at most ${MAX_NAME_LENGTH} characters.`,
  })
  @IsOptional()
  @MaxLength(
    MAX_NAME_LENGTH,
    reports(InputProblemCode.TOO_LONG, `name may have at most ${MAX_NAME_LENGTH} characters.`, MAX_NAME_LENGTH),
  )
  name?: string | null;
}

/** Resolves the fields of enhanced connections that cost a call to DLI each. */
@Resolver(() => EnhancedDatasourceConnection)
export class EnhancedDatasourceConnectionFieldsResolver {
  constructor(private readonly details: ConnectionDetails) {}

  @FieldResolver(() => HostMappingPage, {
    description: `The host names that jobs can use through the connection. Costs a call to DLI for each connection: a request may select at most ${MAX_DETAILS} of \`hosts\` and \`tags\`.`,
  })
  @UseMiddleware(mapReadErrors)
  async hosts(
    @Root() { id, hostCount }: EnhancedDatasourceConnection,
    @Args(() => HostsArgs) { first, after, name }: HostsArgs,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<HostMappingPage> {
    if (hostCount === 0) return new HostMappingPage({ items: [], nextCursor: null, totalCount: 0 });
    if (!mayReadDetail(context, info))
      throw new PublicError(
        'OPERATION_TOO_COMPLEX',
        `A request may read hosts and tags of at most ${MAX_DETAILS} enhanced connections, because each costs a call to DLI.`,
      );
    const request = { first, after: after ?? undefined, name: name ?? undefined };
    return new HostMappingPage(await this.details.hostsPage(id, request, readContextOf(context)));
  }

  @FieldResolver(() => [Tag], {
    nullable: true,
    description: `The tags of the connection, without the gateway's own and those that Huawei Cloud adds by itself; null if they cannot be read at the moment. Costs a call to DLI for each connection, so in a list only the first ${MAX_DETAILS} are read, and those of the others are null.`,
  })
  async tags(
    @Root() { id, tags }: EnhancedDatasourceConnection,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<readonly Tag[] | null> {
    if (tags !== null) return tags;
    // An error would make the list fail for callers that selected tags before there were enhanced connections.
    if (!mayReadDetail(context, info)) return null;
    try {
      return toTags(await this.details.tags(id, readContextOf(context)));
    } catch (error) {
      // The failed call has already been logged, and the rest of the connection is worth showing.
      if (error instanceof DliError || error instanceof ReadQueueFullError) return null;
      throw error;
    }
  }
}

/**
 * Counts a field that costs a call of its own, and returns whether the request may read it. Each event of a
 * subscription has one connection, so the limit of aliases is enough there.
 */
function mayReadDetail(context: RequestContext, { operation }: GraphQLResolveInfo): boolean {
  if (operation.operation === OperationTypeNode.SUBSCRIPTION) return true;
  context.detailCount = (context.detailCount ?? 0) + 1;
  return context.detailCount <= MAX_DETAILS;
}
