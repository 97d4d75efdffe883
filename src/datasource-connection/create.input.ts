import type { ValidationOptions } from 'class-validator';
import { ArrayMaxSize, ArrayUnique, IsIn, IsOptional, ValidateBy, ValidateNested } from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';
import { DatasourceService } from './connection.type.js';
import { DESTINATION_RULES, IsDestinationOfService, MAX_URL_LENGTH } from './destination-rules.js';
import { InputProblemCode, reports } from './input-problem.js';

/** The rule for the values of an input field. Validators, forms and descriptions are made from it. */
export interface FieldRule {
  isRequired: boolean;
  /** In characters, that is UTF-16 code units, as in HTML and in DLI. */
  minLength?: number;
  /** In the same unit. */
  maxLength?: number;
  maxItems?: number;
  /** Matches the whole value at any length, as HTML's `pattern` does: without anchors, valid with the flag `v`. */
  pattern?: string;
  /** A valid value. */
  example?: string;
  /** The rule in English. */
  text: string;
}

/** The rule of a text field. */
interface TextRule extends FieldRule {
  checks: readonly Check[];
}

/** One rule of a text field, and what is reported when it is broken. */
interface Check {
  isMet(value: string): boolean;
  report: ValidationOptions;
}

interface TextOptions {
  /** The subject of validation messages. */
  subject: string;
  /** Default: true. */
  isRequired?: boolean;
  /** Default: 0. */
  minLength?: number;
  maxLength: number;
  example: string;
  /** The characters that a value may have, in words. */
  contents: string;
  /** Matches such values at any length. Undefined if another validator checks it. */
  pattern?: string;
  /** The values that match `pattern` but are reserved: how they begin, and in words. */
  reserved?: { pattern: string; rule: string };
}

const NAME = { contents: 'letters, digits, _ and -', pattern: String.raw`[A-Za-z0-9_\-]*` };
const RESOURCE_ID = {
  minLength: 1,
  maxLength: 64,
  contents: 'letters, digits and -',
  pattern: String.raw`[A-Za-z0-9\-]*`,
};
// Characters and lengths: DLI API reference, "Creating a datasource connection", tags.
const TAG_TEXT = {
  contents: 'letters, digits, spaces and _ . : = + - @, without a space at either end',
  pattern: String.raw`(?! )[\p{L}\p{N} _.:=+@\-]*(?<! )`,
};

/** The rules of the fields of `CreateDatasourceConnectionInput`, by path. `*` is a position in a list. */
export const CREATE_RULES = {
  name: textRule({ subject: 'name', minLength: 1, maxLength: 64, example: 'orders_pg', ...NAME }),
  service: { isRequired: true, example: 'RDS', text: 'A value of DatasourceService.' },
  securityGroupId: textRule({
    subject: 'securityGroupId',
    example: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
    ...RESOURCE_ID,
  }),
  networkId: textRule({ subject: 'networkId', example: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb', ...RESOURCE_ID }),
  url: textRule({
    subject: 'url',
    maxLength: MAX_URL_LENGTH,
    example: DESTINATION_RULES.RDS.example,
    contents: 'host:port, for CLOUD_TABLE one or more of them separated by commas',
  }),
  clusterName: textRule({
    subject: 'clusterName',
    isRequired: false,
    minLength: 1,
    maxLength: 128,
    example: 'cluster_1',
    ...NAME,
  }),
  tags: { isRequired: false, maxItems: 10, text: 'At most 10, each key once.' },
  'tags.*.key': textRule({
    subject: 'A tag key',
    minLength: 1,
    maxLength: 128,
    example: 'team',
    ...TAG_TEXT,
    reserved: {
      pattern: `_sys_|${MARKER_TAG_KEY}$`,
      rule: `must not start with _sys_ and must not be ${MARKER_TAG_KEY}, which the gateway uses itself`,
    },
  }),
  'tags.*.value': textRule({ subject: 'A tag value', maxLength: 255, example: 'billing', ...TAG_TEXT }),
  idempotencyKey: textRule({
    subject: 'idempotencyKey',
    isRequired: false,
    minLength: 16,
    maxLength: 64,
    example: '5f0c2a34-6f0d-4b51-9d53-0f6f1f1c7e0a',
    ...NAME,
  }),
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
  @ArrayMaxSize(MAX_TAGS, reports(InputProblemCode.TOO_MANY, `tags must be at most ${MAX_TAGS}.`, MAX_TAGS))
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

function textRule(options: TextOptions): TextRule {
  const { subject, isRequired = true, minLength = 0, maxLength, example, contents, pattern, reserved } = options;
  const range = minLength === 0 ? `at most ${maxLength}` : `${minLength} to ${maxLength}`;
  const lengthMessage = `${subject} must be ${range} characters long.`;
  const checks: Check[] = [
    // class-validator's own length rules skip variation selectors.
    {
      isMet: ({ length }) => length >= minLength,
      report: reports(InputProblemCode.TOO_SHORT, lengthMessage, minLength),
    },
    {
      isMet: ({ length }) => length <= maxLength,
      report: reports(InputProblemCode.TOO_LONG, lengthMessage, maxLength),
    },
  ];
  if (pattern !== undefined) {
    const matcher = new RegExp(`^(?:${pattern})$`, 'v');
    const report = reports(InputProblemCode.WRONG_FORMAT, `${subject} must consist of ${contents}.`);
    checks.push({ isMet: value => matcher.test(value), report });
  }
  if (reserved !== undefined) {
    const matcher = new RegExp(`^(?:${reserved.pattern})`, 'v');
    const report = reports(InputProblemCode.NOT_ALLOWED, `${subject} ${reserved.rule}.`);
    checks.push({ isMet: value => !matcher.test(value), report });
  }
  return {
    isRequired,
    maxLength,
    example,
    text: `${range.replace(/^a/, 'A')} characters: ${contents}.${reserved === undefined ? '' : ` It ${reserved.rule}.`}`,
    checks,
    ...(minLength > 0 && { minLength }),
    ...(pattern !== undefined && { pattern: reserved === undefined ? pattern : `(?!${reserved.pattern})${pattern}` }),
  };
}

/** Property decorator that validates a text by its rule. */
function FollowsRule({ isRequired, checks }: TextRule): PropertyDecorator {
  const decorators = checks.map(({ isMet, report }) =>
    // class-validator reports one error per name, and a field has at most one rule of each code.
    ValidateBy(
      { name: report.context.code, validator: { validate: value => typeof value === 'string' && isMet(value) } },
      report,
    ),
  );
  if (!isRequired) decorators.push(IsOptional());
  return (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };
}
