import { ArrayMaxSize, ArrayUnique, IsIn, IsOptional, Matches, ValidateNested } from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { DatasourceService } from './datasource-service.enum.js';
import { IsDestinationOfService } from './is-destination-of-service.validator.js';
import { TagInput } from './tag.input.js';

const RESOURCE_ID = /^[A-Za-z0-9-]{1,64}$/;
const RESOURCE_ID_RULE = '1 to 64 letters, digits and -';
const KEY_RULE = '16 to 64 letters, digits, _ and -';

/** The connection to create. */
@InputType({ description: 'The connection to create.' })
export class CreateDatasourceConnectionInput {
  @Field(() => String, { description: "The connection's name: 1 to 64 letters, digits, _ and -." })
  @Matches(/^[A-Za-z0-9_-]{1,64}$/, { message: 'name must be 1 to 64 letters, digits, _ and -.' })
  name!: string;

  @Field(() => DatasourceService, { description: 'The kind of service that the connection reaches.' })
  // GraphQL has checked the value; class-validator removes a field that has no rule.
  @IsIn(Object.values(DatasourceService))
  service!: DatasourceService;

  @Field(() => ID, {
    description: `Id of the security group that the service belongs to: ${RESOURCE_ID_RULE}, usually a UUID.`,
  })
  @Matches(RESOURCE_ID, { message: `securityGroupId must be ${RESOURCE_ID_RULE}.` })
  securityGroupId!: string;

  @Field(() => ID, {
    description: `Network id of the subnet that the service is in: ${RESOURCE_ID_RULE}, usually a UUID. Not the id of the VPC.`,
  })
  @Matches(RESOURCE_ID, { message: `networkId must be ${RESOURCE_ID_RULE}.` })
  networkId!: string;

  @Field(() => String, {
    description:
      "The service's address inside its network, at most 512 characters: `host:port`, for CLOUD_TABLE one or more of them separated by commas. Never a `jdbc:` or `http:` address. `datasourceServices` lists each service's rule with an example.",
  })
  @IsDestinationOfService()
  url!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Name of a serverless cluster: 1 to 128 letters, digits, _ and -. Only very old DLI set-ups need it.',
    deprecationReason: 'DLI dropped it in 2019; it is sent only when it is given.',
  })
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{1,128}$/, { message: 'clusterName must be 1 to 128 letters, digits, _ and -.' })
  clusterName?: string | null;

  @Field(() => [TagInput], {
    nullable: true,
    description: 'Labels for the connection: at most 10, each key once.',
  })
  @IsOptional()
  @ArrayMaxSize(10, { message: 'tags must be at most 10.' })
  @ArrayUnique((tag: TagInput) => tag.key, { message: 'tags must have different keys.' })
  @ValidateNested({ each: true })
  tags?: TagInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Names one intent to create: ${KEY_RULE}, best a fresh UUID. Every repeat of the call with the same key and input gets the same story and never makes a second connection. Without one the gateway makes a key, and tells it when it is needed. Kept for 72 hours after a success.`,
  })
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{16,64}$/, { message: `idempotencyKey must be ${KEY_RULE}.` })
  idempotencyKey?: string | null;
}
