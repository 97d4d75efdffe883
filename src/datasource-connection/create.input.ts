import {
  ArrayMaxSize,
  ArrayUnique,
  IsIn,
  IsOptional,
  Matches,
  NotEquals,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';
import { DatasourceService } from './connection.type.js';
import { IsDestinationOfService } from './destination-rules.js';

const RESOURCE_ID = /^[A-Za-z0-9-]{1,64}$/;
const RESOURCE_ID_RULE = '1 to 64 letters, digits and -';
const KEY_RULE = '16 to 64 letters, digits, _ and -';

/** The input of `createDatasourceConnection`. */
@InputType({ description: 'The connection to create.' })
export class CreateDatasourceConnectionInput {
  @Field(() => String, { description: "The connection's name: 1 to 64 letters, digits, _ and -." })
  @Matches(/^[A-Za-z0-9_-]{1,64}$/, { message: 'name must be 1 to 64 letters, digits, _ and -.' })
  name!: string;

  @Field(() => DatasourceService, { description: 'The kind of service that the connection reaches.' })
  // GraphQL has checked the value, but class-validator removes fields without a rule.
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
      'Name of a serverless cluster: 1 to 128 letters, digits, _ and -. Needed by very old DLI clusters only.',
    deprecationReason: 'DLI dropped it in 2019; it is sent only if it is set.',
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
    description: `Names one intent to create: ${KEY_RULE}, preferably a new UUID. Every repeat of the call with the same key and input gets the same outcome and never creates a second connection. Without one the gateway generates a key, and returns it if the call has to be repeated. Kept for 72 hours after a success.`,
  })
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{16,64}$/, { message: `idempotencyKey must be ${KEY_RULE}.` })
  idempotencyKey?: string | null;
}

// Characters and lengths: DLI API reference, "Creating a datasource connection", tags.
// Lengths are in UTF-16 code units, as in DLI; class-validator's own length rules skip variation selectors.
const TAG_TEXT = /^(?! )[\p{L}\p{N} _.:=+@-]*(?<! )$/u;
const TAG_TEXT_RULE = 'letters, digits, spaces and _ . : = + - @, without a space at either end';

/** A tag of a connection. */
@InputType({ description: 'A label that Huawei Cloud stores with the connection.' })
export class TagInput {
  @Field(() => String, {
    description: `1 to 128 characters: ${TAG_TEXT_RULE}. Not starting with \`_sys_\`, and not \`${MARKER_TAG_KEY}\`. Each key once.`,
  })
  @NotEquals(MARKER_TAG_KEY, {
    message: `A tag key must not be ${MARKER_TAG_KEY}, which the gateway uses itself.`,
  })
  @MatchesRule('prefix', /^(?!_sys_)/, 'A tag key must not start with _sys_.')
  @MatchesRule('text', TAG_TEXT, `A tag key must consist of ${TAG_TEXT_RULE}.`)
  @MatchesRule('length', /^.{1,128}$/s, 'A tag key must be 1 to 128 characters long.')
  key!: string;

  @Field(() => String, { description: `Up to 255 characters: ${TAG_TEXT_RULE}.` })
  @MatchesRule('text', TAG_TEXT, `A tag value must consist of ${TAG_TEXT_RULE}.`)
  @MatchesRule('length', /^.{0,255}$/s, 'A tag value must be at most 255 characters long.')
  value!: string;
}

// class-validator reports one error per rule name, so each rule of a field has its own name.
function MatchesRule(name: string, pattern: RegExp, message: string): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: value => typeof value === 'string' && pattern.test(value),
      defaultMessage: () => message,
    },
  });
}
