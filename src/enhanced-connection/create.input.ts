import { isIPv4 } from 'node:net';
import { Field, ID, InputType } from 'type-graphql';
import { TagInput } from '../datasource-connection/create.input.js';
import { IPV4_PATTERN } from '../datasource-connection/destination-rules.js';
import type { FieldRule, ListRule, StringRule } from '../datasource-connection/field-rules.js';
import {
  FollowsListRule,
  FollowsRule,
  IDEMPOTENCY_KEY_RULE,
  RESERVED_TAG_KEY,
  RESOURCE_ID,
  stringRule,
} from '../datasource-connection/field-rules.js';
import { InputProblemCode } from '../datasource-connection/input-problem.js';
import {
  ConnectionResourceInput,
  RESOURCE_NAME_RULE,
  resourceListRule,
} from '../datasource-connection/resource.input.js';

// The manuals disagree about `=`, which a filter by tag could not contain.
const TAG_TEXT = {
  contents: 'letters, digits, spaces and _ . : + - @, without a space at either end',
  pattern: String.raw`(?! )[\p{L}\p{N} _.:+@\-]*(?<! )`,
};
const IPV4_RULE: StringRule = {
  isRequired: true,
  maxLength: 15,
  pattern: IPV4_PATTERN,
  example: '192.168.0.22',
  text: 'An IPv4 address: four numbers from 0 to 255, separated by dots.',
  checks: [
    {
      isMet: isIPv4,
      code: InputProblemCode.WRONG_FORMAT,
      message: 'The ip of a host must be an IPv4 address, such as 192.168.0.22.',
    },
  ],
};

/** The rules of the fields of `CreateEnhancedDatasourceConnectionInput`, by path. `*` is a position in a list. */
export const CREATE_ENHANCED_RULES = {
  name: stringRule({
    subject: 'name',
    minLength: 1,
    maxLength: 64,
    example: 'orders_pg',
    contents: 'letters, digits and _',
    pattern: '[A-Za-z0-9_]*',
  }),
  vpcId: stringRule({ subject: 'vpcId', example: '22094d8f-c310-4621-913d-4c4d655d8495', ...RESOURCE_ID }),
  networkId: stringRule({ subject: 'networkId', example: '78f2562a-36e4-4b39-95b9-f5aab22e1281', ...RESOURCE_ID }),
  routeTableId: stringRule({
    subject: 'routeTableId',
    isRequired: false,
    example: '3d42a0d4-a980-4613-ae76-a2cddecff054',
    ...RESOURCE_ID,
  }),
  resources: { isRequired: false, maxItems: 20, text: 'At most 20, each pool or queue once.' },
  'resources.*.kind': {
    isRequired: true,
    example: 'ELASTIC_RESOURCE_POOL',
    text: 'A value of ConnectionResourceKind.',
  },
  'resources.*.name': RESOURCE_NAME_RULE,
  hosts: { isRequired: false, maxItems: 20_000, text: 'At most 20,000, each name once, ignoring case.' },
  'hosts.*.name': stringRule({
    subject: 'The name of a host',
    minLength: 1,
    maxLength: 128,
    example: 'node-master1.example.com',
    contents: 'letters, digits, _ - and ., beginning with a letter',
    pattern: String.raw`(?:[A-Za-z][A-Za-z0-9_.\-]*)?`,
  }),
  'hosts.*.ip': IPV4_RULE,
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

const HOST_LIST_RULE: ListRule<HostMappingInput> = {
  subject: 'hosts',
  ...CREATE_ENHANCED_RULES.hosts,
  items: { name: CREATE_ENHANCED_RULES['hosts.*.name'], ip: CREATE_ENHANCED_RULES['hosts.*.ip'] },
  unique: {
    field: 'name',
    keyOf: ({ name }) => name.toLowerCase(),
    message: 'The name of a host must occur once only, ignoring case.',
  },
};

const TAG_LIST_RULE: ListRule<TagInput> = {
  subject: 'tags',
  ...CREATE_ENHANCED_RULES.tags,
  items: { key: CREATE_ENHANCED_RULES['tags.*.key'], value: CREATE_ENHANCED_RULES['tags.*.value'] },
  unique: { field: 'key', keyOf: ({ key }) => key, message: 'tags must have different keys.' },
};

/** A host name and its address. */
@InputType({ description: 'A host name, and the IPv4 address that jobs get for it.' })
class HostMappingInput {
  @Field(() => String, { description: `The host name, each once. ${CREATE_ENHANCED_RULES['hosts.*.name'].text}` })
  name!: string;

  @Field(() => String, { description: IPV4_RULE.text })
  ip!: string;
}

/** The input of `createEnhancedDatasourceConnection`. */
@InputType({
  description: 'The connection to create. `createEnhancedDatasourceConnectionRules` has the rules as data.',
})
export class CreateEnhancedDatasourceConnectionInput {
  @Field(() => String, { description: `The connection's name. ${CREATE_ENHANCED_RULES.name.text}` })
  @FollowsRule(CREATE_ENHANCED_RULES.name)
  name!: string;

  @Field(() => ID, {
    description: `The id of the VPC of the data source, usually a UUID. ${CREATE_ENHANCED_RULES.vpcId.text}`,
  })
  @FollowsRule(CREATE_ENHANCED_RULES.vpcId)
  vpcId!: string;

  @Field(() => ID, {
    description: `The network id of the subnet of the data source, usually a UUID. ${CREATE_ENHANCED_RULES.networkId.text}`,
  })
  @FollowsRule(CREATE_ENHANCED_RULES.networkId)
  networkId!: string;

  @Field(() => ID, {
    nullable: true,
    description: `The id of the route table of that subnet. Default: DLI finds it. ${CREATE_ENHANCED_RULES.routeTableId.text}`,
  })
  @FollowsRule(CREATE_ENHANCED_RULES.routeTableId)
  routeTableId?: string | null;

  @Field(() => [ConnectionResourceInput], {
    nullable: true,
    description: `Pools and queues to bind once the connection exists. Those that cannot be bound are in \`notBound\` of the success; a binding that fails later shows in \`bindings\`. ${CREATE_ENHANCED_RULES.resources.text}`,
  })
  @FollowsListRule(resourceListRule('resources', false))
  resources?: ConnectionResourceInput[] | null;

  @Field(() => [HostMappingInput], {
    nullable: true,
    description: `Host names that jobs can use. ${CREATE_ENHANCED_RULES.hosts.text}`,
  })
  @FollowsListRule(HOST_LIST_RULE)
  hosts?: HostMappingInput[] | null;

  @Field(() => [TagInput], {
    nullable: true,
    description: `Labels for the connection, without =. ${CREATE_ENHANCED_RULES.tags.text}`,
  })
  @FollowsListRule(TAG_LIST_RULE)
  tags?: TagInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: `Names one intent to create, preferably a new UUID, as in \`createDatasourceConnection\`. ${CREATE_ENHANCED_RULES.idempotencyKey.text}`,
  })
  @FollowsRule(CREATE_ENHANCED_RULES.idempotencyKey)
  idempotencyKey?: string | null;
}
