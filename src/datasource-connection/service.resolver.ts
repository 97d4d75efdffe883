import { Authorized, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { DatasourceService } from './connection.type.js';
import { DESTINATION_RULES, MAX_URL_LENGTH, urlPatternOf, urlRuleOf } from './destination-rules.js';

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

/** Resolves the kinds of services, with everything that a form for `url` needs. */
@Resolver()
export class DatasourceServicesResolver {
  @Authorized<Role>('read')
  @Query(() => [DatasourceServiceInfo], {
    description: 'Every kind of service that a connection can reach, with what a form needs to validate `url`.',
  })
  datasourceServices(): DatasourceServiceInfo[] {
    return SERVICES;
  }
}
