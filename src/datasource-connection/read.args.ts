import { ArrayMaxSize, IsIn, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';
import type { ConnectionFilter } from '../connection-reads/connection-filter.js';
import { ConnectionOrder } from '../connection-reads/connection-snapshot.js';
import { MAX_CURSOR_LENGTH } from '../connection-reads/cursor.js';
import { ConnectionReadiness } from '../connection-reads/readiness.js';
import type { Resource } from '../dli/connection.js';
import { ConnectionKind, ConnectionState, DatasourceService } from '../dli/connection.js';
import { FollowsListRule } from './field-rules.js';
import { InputProblemCode, reports } from './input-problem.js';
import { ConnectionResourceInput, resourceListRule } from './resource.input.js';

const MAX_PAGE = 100;
const MAX_VALUES = 10;
const MAX_NAME_LENGTH = 64;
const MAX_ID_LENGTH = 256;
// Less than the usual read timeout of proxies, which is 30 s or more.
const MAX_WAIT_SECONDS = 25;

const UNTIL_BOUND = '1 to 20 pools and queues; a queue counts as bound if its pool is.';

function FollowsUntilBoundRule(): PropertyDecorator {
  return FollowsListRule({ ...resourceListRule('untilBound', false), minItems: 1 });
}

/** The filter of `datasourceConnections`. */
@InputType({ description: 'Filters the list; all criteria must match.' })
export class DatasourceConnectionFilter {
  @Field(() => [ConnectionState], {
    nullable: true,
    description: 'Only connections in one of these states. Default: all states except DELETED.',
  })
  @IsOptional()
  @ArrayMaxSize(
    MAX_VALUES,
    reports(InputProblemCode.TOO_MANY, `states may have at most ${MAX_VALUES} items.`, MAX_VALUES),
  )
  states?: ConnectionState[] | null;

  @Field(() => [DatasourceService], {
    nullable: true,
    description: 'Only connections to one of these kinds of service.',
  })
  @IsOptional()
  @ArrayMaxSize(
    MAX_VALUES,
    reports(InputProblemCode.TOO_MANY, `services may have at most ${MAX_VALUES} items.`, MAX_VALUES),
  )
  services?: DatasourceService[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Only connections whose name contains this text, ignoring case; at most ${MAX_NAME_LENGTH} characters.`,
  })
  @IsOptional()
  @MaxLength(
    MAX_NAME_LENGTH,
    reports(InputProblemCode.TOO_LONG, `name may have at most ${MAX_NAME_LENGTH} characters.`, MAX_NAME_LENGTH),
  )
  name?: string | null;

  @Field(() => [ConnectionKind], {
    nullable: true,
    description: 'Only connections of one of these kinds. Default: all kinds.',
  })
  @IsOptional()
  @ArrayMaxSize(
    MAX_VALUES,
    reports(InputProblemCode.TOO_MANY, `kinds may have at most ${MAX_VALUES} items.`, MAX_VALUES),
  )
  kinds?: ConnectionKind[] | null;

  @Field(() => ID, {
    nullable: true,
    description: `Only enhanced connections to this VPC; at most ${MAX_NAME_LENGTH} characters.`,
  })
  @IsOptional()
  @MaxLength(
    MAX_NAME_LENGTH,
    reports(InputProblemCode.TOO_LONG, `vpcId may have at most ${MAX_NAME_LENGTH} characters.`, MAX_NAME_LENGTH),
  )
  vpcId?: string | null;

  @Field(() => ConnectionResourceInput, {
    nullable: true,
    description: 'Only connections that are bound to this pool or queue. A queue is also bound if its pool is.',
  })
  @IsOptional()
  @ValidateNested()
  boundTo?: ConnectionResourceInput | null;

  @Field(() => [ConnectionReadiness], {
    nullable: true,
    description: 'Only enhanced connections whose readiness is one of these.',
  })
  @IsOptional()
  @ArrayMaxSize(
    MAX_VALUES,
    reports(InputProblemCode.TOO_MANY, `readiness may have at most ${MAX_VALUES} items.`, MAX_VALUES),
  )
  readiness?: ConnectionReadiness[] | null;

  @Field(() => Boolean, { description: 'Whether DELETED connections are included if `states` is not set.' })
  @IsIn([true, false])
  includeDeleted: boolean = false;

  /**
   * Converts the filter to criteria for reading lists.
   *
   * @param boundTo the names under which the resource in `boundTo` may be bound
   */
  toCriteria(boundTo: readonly Resource[] | undefined): ConnectionFilter {
    const { kinds, states, services, name, vpcId, readiness, includeDeleted } = this;
    return {
      kinds: kinds ?? undefined,
      vpcId: vpcId ?? undefined,
      readiness: readiness ?? undefined,
      boundTo,
      states: states ?? (includeDeleted ? Object.values(ConnectionState) : undefined),
      services: services ?? undefined,
      name: name ?? undefined,
    };
  }
}

/** The arguments of `datasourceConnections`. */
@ArgsType()
export class DatasourceConnectionsArgs {
  @Field(() => Int, { defaultValue: 50, description: `Maximum number of connections on the page: 1 to ${MAX_PAGE}.` })
  @Min(1, reports(InputProblemCode.TOO_SMALL, `first must be 1 to ${MAX_PAGE}.`, 1))
  @Max(MAX_PAGE, reports(InputProblemCode.TOO_LARGE, `first must be 1 to ${MAX_PAGE}.`, MAX_PAGE))
  first!: number;

  @Field(() => String, {
    nullable: true,
    description: 'The `nextCursor` of the previous page, which must have the same `order`. Default: the first page.',
  })
  @IsOptional()
  @MaxLength(
    MAX_CURSOR_LENGTH,
    reports(InputProblemCode.TOO_LONG, 'after must be the nextCursor of a page.', MAX_CURSOR_LENGTH),
  )
  after?: string | null;

  @Field(() => DatasourceConnectionFilter, { nullable: true, description: 'Filters the list.' })
  @IsOptional()
  @ValidateNested()
  filter?: DatasourceConnectionFilter | null;

  @Field(() => ConnectionOrder, { defaultValue: ConnectionOrder.NEWEST_FIRST, description: 'The order of the list.' })
  @IsIn(Object.values(ConnectionOrder))
  order!: ConnectionOrder;
}

/** The arguments of the subscription `datasourceConnections`. */
@ArgsType()
export class DatasourceConnectionChangesArgs {
  @Field(() => DatasourceConnectionFilter, {
    nullable: true,
    description: 'Only changes of connections that match, or have matched until now.',
  })
  @IsOptional()
  @ValidateNested()
  filter?: DatasourceConnectionFilter | null;
}

/** The arguments of `datasourceConnection`. */
@ArgsType()
export class DatasourceConnectionArgs {
  @Field(() => ID, { description: 'The id of the connection.' })
  @MaxLength(
    MAX_ID_LENGTH,
    reports(InputProblemCode.TOO_LONG, `id may have at most ${MAX_ID_LENGTH} characters.`, MAX_ID_LENGTH),
  )
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description: `Maximum wait in seconds (0 to ${MAX_WAIT_SECONDS}) for a change of \`state\`, or of the \`readiness\` of an enhanced connection, for clients that cannot subscribe. Default: no wait.`,
  })
  @IsOptional()
  @Min(0, reports(InputProblemCode.TOO_SMALL, `waitSeconds must be 0 to ${MAX_WAIT_SECONDS}.`, 0))
  @Max(
    MAX_WAIT_SECONDS,
    reports(InputProblemCode.TOO_LARGE, `waitSeconds must be 0 to ${MAX_WAIT_SECONDS}.`, MAX_WAIT_SECONDS),
  )
  waitSeconds?: number | null;

  @Field(() => ConnectionState, {
    nullable: true,
    description:
      'With `waitSeconds`: the state that the client knows. If the connection is in another state, the answer is immediate. Default: the state at the time of the call.',
  })
  @IsOptional()
  @IsIn(Object.values(ConnectionState))
  whileState?: ConnectionState | null;

  @Field(() => [ConnectionResourceInput], {
    nullable: true,
    description: `With \`waitSeconds\`: wait until each of these is bound or has failed, instead of any change; \`whileState\` has no effect then. ${UNTIL_BOUND}`,
  })
  @FollowsUntilBoundRule()
  untilBound?: ConnectionResourceInput[] | null;
}

/** The arguments of the subscription `datasourceConnection`. */
@ArgsType()
export class WatchedConnectionArgs {
  // A malformed id is not an error: DLI has no connection with it, and an event reports that.
  @Field(() => ID, { description: 'The id of the connection.' })
  @IsString()
  id!: string;

  @Field(() => [ConnectionResourceInput], {
    nullable: true,
    description: `Of an enhanced connection: continue until each of these is bound or has failed. ${UNTIL_BOUND}`,
  })
  @FollowsUntilBoundRule()
  untilBound?: ConnectionResourceInput[] | null;
}
