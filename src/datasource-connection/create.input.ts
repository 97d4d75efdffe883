import { ArrayMaxSize, ArrayUnique, IsIn, IsOptional, ValidateNested } from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { DatasourceService } from '../dli/connection.js';
import { DESTINATION_RULES, IsDestinationOfService, MAX_URL_LENGTH } from './destination-rules.js';
import type { FieldRule } from './field-rules.js';
import { FollowsRule, IDEMPOTENCY_KEY_RULE, RESERVED_TAG_KEY, RESOURCE_ID, stringRule } from './field-rules.js';
import { InputProblemCode, reports } from './input-problem.js';

const NAME = { contents: 'letters, digits, _ and -', pattern: String.raw`[A-Za-z0-9_\-]*` };
// Characters and lengths: docs/sources.md, classic connections, tags.
const TAG_TEXT = {
  contents: 'letters, digits, spaces and _ . : = + - @, without a space at either end',
  pattern: String.raw`(?! )[\p{L}\p{N} _.:=+@\-]*(?<! )`,
};

/** The rules of the fields of `CreateDatasourceConnectionInput`, by path. `*` is a position in a list. */
export const CREATE_RULES = {
  name: stringRule({ subject: 'name', minLength: 1, maxLength: 64, example: 'orders_pg', ...NAME }),
  service: { isRequired: true, example: 'RDS', text: 'A value of DatasourceService.' },
  securityGroupId: stringRule({
    subject: 'securityGroupId',
    example: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
    ...RESOURCE_ID,
  }),
  networkId: stringRule({ subject: 'networkId', example: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb', ...RESOURCE_ID }),
  url: stringRule({
    subject: 'url',
    maxLength: MAX_URL_LENGTH,
    example: DESTINATION_RULES.RDS.example,
    contents: 'host:port, for CLOUD_TABLE one or more of them separated by commas',
  }),
  clusterName: stringRule({
    subject: 'clusterName',
    isRequired: false,
    minLength: 1,
    maxLength: 128,
    example: 'cluster_1',
    ...NAME,
  }),
  tags: { isRequired: false, maxItems: 10, text: 'At most 10, each key once.' },
  'tags.*.key': stringRule({
    subject: 'A tag key',
    minLength: 1,
    maxLength: 128,
    example: 'team',
    ...TAG_TEXT,
    reserved: RESERVED_TAG_KEY,
  }),
  'tags.*.value': stringRule({ subject: 'A tag value', maxLength: 255, example: 'billing', ...TAG_TEXT }),
  idempotencyKey: IDEMPOTENCY_KEY_RULE,
} satisfies Readonly<Record<string, FieldRule>>;

const MAX_TAGS = CREATE_RULES.tags.maxItems;

/** The input of `createDatasourceConnection`. */
@InputType({ description: 'The connection to create. `createDatasourceConnectionRules` has the rules as data.' })
export class CreateDatasourceConnectionInput {
  @Field(() => String, { description: `The connection's name. ${CREATE_RULES.name.text}` })
  @FollowsRule(CREATE_RULES.name)
  name!: string;

  @Field(() => DatasourceService, { description: 'The kind of service that the connection reaches.' })
  // GraphQL has checked the value, but class-validator removes fields without a rule.
  @IsIn(Object.values(DatasourceService))
  service!: DatasourceService;

  @Field(() => ID, {
    description: `Id of the security group that the service belongs to, usually a UUID. ${CREATE_RULES.securityGroupId.text}`,
  })
  @FollowsRule(CREATE_RULES.securityGroupId)
  securityGroupId!: string;

  @Field(() => ID, {
    description: `Network id of the subnet that the service is in, usually a UUID. Not the id of the VPC. ${CREATE_RULES.networkId.text}`,
  })
  @FollowsRule(CREATE_RULES.networkId)
  networkId!: string;

  @Field(() => String, {
    description: `The service's address inside its network. ${CREATE_RULES.url.text} Never a \`jdbc:\` or \`http:\` address. \`datasourceServices\` lists each service's rule with an example.`,
  })
  @FollowsRule(CREATE_RULES.url)
  @IsDestinationOfService()
  url!: string;

  @Field(() => String, {
    nullable: true,
    description: `Name of a serverless cluster, needed by very old DLI clusters only. ${CREATE_RULES.clusterName.text}`,
    deprecationReason: 'DLI dropped it in 2019; it is sent only if it is set.',
  })
  @FollowsRule(CREATE_RULES.clusterName)
  clusterName?: string | null;

  @Field(() => [TagInput], { nullable: true, description: `Labels for the connection. ${CREATE_RULES.tags.text}` })
  @IsOptional()
  @ArrayMaxSize(MAX_TAGS, reports(InputProblemCode.TOO_MANY, `tags may have at most ${MAX_TAGS} items.`, MAX_TAGS))
  @ArrayUnique((tag: TagInput) => tag.key, reports(InputProblemCode.DUPLICATE, 'tags must have different keys.'))
  @ValidateNested({ each: true })
  tags?: TagInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Names one intent to create, preferably a new UUID. Every repeat of the call with the same key and input gets the same outcome and never creates a second connection. Without one the gateway generates a key, and returns it if the call has to be repeated. Kept for 72 hours after a success. ${CREATE_RULES.idempotencyKey.text}`,
  })
  @FollowsRule(CREATE_RULES.idempotencyKey)
  idempotencyKey?: string | null;
}

/** A tag of a connection. */
@InputType({ description: 'A label that Huawei Cloud stores with the connection.' })
export class TagInput {
  @Field(() => String, { description: `Each key once. ${CREATE_RULES['tags.*.key'].text}` })
  @FollowsRule(CREATE_RULES['tags.*.key'])
  key!: string;

  @Field(() => String, { description: CREATE_RULES['tags.*.value'].text })
  @FollowsRule(CREATE_RULES['tags.*.value'])
  value!: string;
}
