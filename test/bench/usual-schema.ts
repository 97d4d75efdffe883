import {
  ArrayMaxSize,
  IsEnum,
  IsOptional,
  IsString,
  Length,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { createUnionType, Field, ID, InputType, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';

/** Kinds of data source; the values are DLI's spellings. */
export enum DatasourceService {
  CLOUD_TABLE = 'cloudtable',
  CLOUD_TABLE_OPENTSDB = 'cloudtable.opentsdb',
  MRS_OPENTSDB = 'mrs.opentsdb',
  DWS = 'dws',
  RDS = 'rds',
  CSS = 'css',
}
registerEnumType(DatasourceService, { name: 'DatasourceService' });

@InputType()
class TagInput {
  @Field(() => String)
  @Length(1, 128)
  key!: string;

  @Field(() => String)
  @MaxLength(255)
  value!: string;
}

/** The gateway's input, with those of its rules that class-validator provides. */
@InputType()
export class CreateDatasourceConnectionInput {
  @Field(() => String)
  @Matches(/^[A-Za-z0-9_-]{1,64}$/)
  name!: string;

  @Field(() => DatasourceService)
  @IsEnum(DatasourceService)
  service!: DatasourceService;

  @Field(() => ID)
  @Matches(/^[A-Za-z0-9-]{1,64}$/)
  securityGroupId!: string;

  @Field(() => ID)
  @Matches(/^[A-Za-z0-9-]{1,64}$/)
  networkId!: string;

  @Field(() => String)
  @IsString()
  @MinLength(1)
  @MaxLength(512)
  url!: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  clusterName?: string | null;

  @Field(() => [TagInput], { nullable: true })
  @IsOptional()
  @ArrayMaxSize(10)
  @ValidateNested({ each: true })
  tags?: TagInput[] | null;
}

/** DLI created the connection. */
@ObjectType()
export class CreateDatasourceConnectionSuccess {
  @Field(() => ID)
  readonly connectionId: string;

  @Field(() => String, { nullable: true })
  readonly message: string | null;

  constructor(connectionId: string, message: string | null) {
    this.connectionId = connectionId;
    this.message = message;
  }
}

@InterfaceType()
abstract class UserError {
  @Field(() => String)
  readonly message: string;

  @Field(() => String)
  readonly code: string;

  constructor(message: string, code: string) {
    this.message = message;
    this.code = code;
  }
}

/** DLI did not create the connection. */
@ObjectType({ implements: UserError })
export class DliRejectedError extends UserError {}

/** Success or a `UserError`, so that the same document is valid here and in the gateway. */
export const CreateDatasourceConnectionPayload = createUnionType({
  name: 'CreateDatasourceConnectionPayload',
  types: () => [CreateDatasourceConnectionSuccess, DliRejectedError] as const,
});
