import { Authorized, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { DatasourceService } from '../dli/connection.js';
import { CREATE_RULES } from './create.input.js';
import { DESTINATION_RULES, MAX_URL_LENGTH, urlPatternOf, urlRuleOf } from './destination-rules.js';
import type { FieldRule } from './field-rules.js';

/** A kind of service, with the rule for its `url`. */
@ObjectType({
  description: 'A kind of service that a connection can reach, with the rule for its `url`.',
})
export class DatasourceServiceInfo {
  @Field(() => DatasourceService, { description: 'The value to send as `service`.' })
  readonly service: DatasourceService;

  @Field(() => String, { description: 'The display name of the service.' })
  readonly label: string;

  @Field(() => String, { description: 'The rule for `url` in one sentence.' })
  readonly urlRule: string;

  @Field(() => String, { description: 'An example of a valid `url`.' })
  readonly urlExample: string;

  @Field(() => String, { description: 'Where to find the value for `url`.' })
  readonly urlHint: string;

  @Field(() => String, {
    description:
      "The rule for `url` as a regular expression that matches the whole value, as in HTML's `pattern` attribute.",
  })
  readonly urlPattern: string;

  @Field(() => Int, { description: 'Maximum length of `url` in characters.' })
  readonly urlMaxLength: number;

  @Field(() => Boolean, { description: 'Whether `url` may contain several addresses, separated by commas.' })
  readonly urlAcceptsSeveral: boolean;

  constructor(service: DatasourceService) {
    const { label, example, hint, acceptsSeveral } = DESTINATION_RULES[service];
    this.service = service;
    this.label = label;
    this.urlRule = `${urlRuleOf(service)}.`;
    this.urlExample = example;
    this.urlHint = hint;
    this.urlPattern = urlPatternOf(service);
    this.urlMaxLength = MAX_URL_LENGTH;
    this.urlAcceptsSeveral = acceptsSeveral;
  }
}

const SERVICES = Object.values(DatasourceService).map(service => new DatasourceServiceInfo(service));

/** The rule of one field of an input. */
@ObjectType({ description: 'The rule of one field of an input, for forms. A value must follow all parts of it.' })
export class InputFieldRule {
  @Field(() => [String], {
    description: 'The path within `input`, as in `InputProblem.path`, with `*` for a position in a list.',
  })
  readonly path: readonly string[];

  @Field(() => Boolean, { description: 'Whether the field must be set; in a list, in each of its items.' })
  readonly required: boolean;

  @Field(() => Int, {
    nullable: true,
    description: 'Minimum length in characters, counted as HTML does; null if there is none.',
  })
  readonly minLength: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Maximum length in characters, counted as HTML does; null if there is none.',
  })
  readonly maxLength: number | null;

  @Field(() => Int, { nullable: true, description: 'Maximum number of items; null if the field is not a list.' })
  readonly maxItems: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      "A regular expression that matches the whole value, as in HTML's `pattern` attribute. It does not check the length. Null if there is none; that of `url` depends on the service, see `datasourceServices`.",
  })
  readonly pattern: string | null;

  @Field(() => String, { nullable: true, description: 'A valid value; null for a list.' })
  readonly example: string | null;

  @Field(() => String, { description: 'The rule in English, to be shown next to the field.' })
  readonly rule: string;

  constructor(path: string, { isRequired, minLength, maxLength, maxItems, pattern, example, text }: FieldRule) {
    this.path = path.split('.');
    this.required = isRequired;
    this.minLength = minLength ?? null;
    this.maxLength = maxLength ?? null;
    this.maxItems = maxItems ?? null;
    this.pattern = pattern ?? null;
    this.example = example ?? null;
    this.rule = text;
  }
}

/** The rules of the fields of an input, by path. */
export function toInputFieldRules(rules: Readonly<Record<string, FieldRule>>): InputFieldRule[] {
  return Object.entries(rules).map(([path, rule]) => new InputFieldRule(path, rule));
}

const CREATE_FIELD_RULES = toInputFieldRules(CREATE_RULES);

/** Resolves what a form for a new connection needs: the kinds of services, and the rules of all fields. */
@Resolver()
export class DatasourceServicesResolver {
  @Authorized<Role>('read')
  @Query(() => [DatasourceServiceInfo], {
    description: 'Every kind of service that a connection can reach, with what a form needs to validate `url`.',
  })
  datasourceServices(): DatasourceServiceInfo[] {
    return SERVICES;
  }

  @Authorized<Role>('read')
  @Query(() => [InputFieldRule], {
    description: 'The rule of every field of the input of `createDatasourceConnection`, for forms.',
  })
  createDatasourceConnectionRules(): InputFieldRule[] {
    return CREATE_FIELD_RULES;
  }
}
