import { ArrayMaxSize, IsIn, IsOptional, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';
import { ConnectionOrder, ConnectionState, DatasourceService } from './connection.type.js';

const MAX_PAGE = 100;
const MAX_VALUES = 10;
// Less than the usual read time-out of proxies, which is 30 s or more.
const MAX_WAIT_SECONDS = 25;

/** The filter of `datasourceConnections`. */
@InputType({ description: 'Which connections are wanted: those that meet all of it.' })
export class DatasourceConnectionFilter {
  @Field(() => [ConnectionState], {
    nullable: true,
    description: 'In one of these states. Default: in any but DELETED.',
  })
  @IsOptional()
  @ArrayMaxSize(MAX_VALUES, { message: `states may be at most ${MAX_VALUES}` })
  states?: ConnectionState[] | null;

  @Field(() => [DatasourceService], { nullable: true, description: 'To one of these kinds of service.' })
  @IsOptional()
  @ArrayMaxSize(MAX_VALUES, { message: `services may be at most ${MAX_VALUES}` })
  services?: DatasourceService[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in their name, without regard to case; at most 64 characters.',
  })
  @IsOptional()
  @MaxLength(64, { message: 'name may have at most 64 characters' })
  name?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether DELETED ones belong to it when `states` is not given.',
  })
  @IsIn([true, false])
  includeDeleted!: boolean;
}

/** The arguments of `datasourceConnections`. */
@ArgsType()
export class DatasourceConnectionsArgs {
  @Field(() => Int, { defaultValue: 50, description: `How many at most: 1 to ${MAX_PAGE}.` })
  @Min(1, { message: `first must be 1 to ${MAX_PAGE}` })
  @Max(MAX_PAGE, { message: `first must be 1 to ${MAX_PAGE}` })
  first!: number;

  @Field(() => String, {
    nullable: true,
    description: 'The `nextCursor` of the page before, with the same `order`; none for the first page.',
  })
  @IsOptional()
  @MaxLength(1_024, { message: 'after must be the nextCursor of a page' })
  after?: string | null;

  @Field(() => DatasourceConnectionFilter, { nullable: true, description: 'Which connections are wanted.' })
  @IsOptional()
  @ValidateNested()
  filter?: DatasourceConnectionFilter | null;

  @Field(() => ConnectionOrder, { defaultValue: ConnectionOrder.NEWEST_FIRST, description: 'Their order.' })
  @IsIn(Object.values(ConnectionOrder))
  order!: ConnectionOrder;
}

/** The arguments of `datasourceConnection`. */
@ArgsType()
export class DatasourceConnectionArgs {
  @Field(() => ID, { description: 'Its id.' })
  @MaxLength(256, { message: 'id may have at most 256 characters' })
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description: `For those who cannot subscribe: answer as soon as the connection is in another state, or after so many seconds, at most ${MAX_WAIT_SECONDS}, with how it stands then.`,
  })
  @IsOptional()
  @Min(0, { message: `waitSeconds must be 0 to ${MAX_WAIT_SECONDS}` })
  @Max(MAX_WAIT_SECONDS, { message: `waitSeconds must be 0 to ${MAX_WAIT_SECONDS}` })
  waitSeconds?: number | null;

  @Field(() => ConnectionState, {
    nullable: true,
    description:
      'With `waitSeconds`: the state that you know. The wait ends at once when it is another one already. Default: the state at the time of the call.',
  })
  @IsOptional()
  @IsIn(Object.values(ConnectionState))
  whileState?: ConnectionState | null;
}
