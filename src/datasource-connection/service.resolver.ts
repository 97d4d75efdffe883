import { Authorized, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { DatasourceService } from './connection.type.js';
import { DESTINATION_RULES, MAX_URL_LENGTH, urlPatternOf, urlRuleOf } from './destination-rules.js';

/** A kind of service, with the rule for its `url`. */
@ObjectType({
  description: 'One kind of service that a connection can reach, and what its `url` must look like.',
})
export class DatasourceServiceInfo {
  @Field(() => DatasourceService, { description: 'The value to send as `service`.' })
  readonly service: DatasourceService;

  @Field(() => String, { description: "The service's name for people." })
  readonly label: string;

  @Field(() => String, { description: 'The rule for `url` in one sentence.' })
  readonly urlRule: string;

  @Field(() => String, { description: 'A `url` that keeps the rule.' })
  readonly urlExample: string;

  @Field(() => String, { description: 'Where to find the value for `url`.' })
  readonly urlHint: string;

  @Field(() => String, {
    description: "The rule for `url` as a regular expression that the whole value matches; fit for HTML's `pattern`.",
  })
  readonly urlPattern: string;

  @Field(() => Int, { description: 'How many characters `url` may have.' })
  readonly urlMaxLength: number;

  @Field(() => Boolean, { description: 'Whether `url` may hold several addresses, separated by commas.' })
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
    description: 'Every kind of service that a connection can reach, with all that a form for `url` needs.',
  })
  datasourceServices(): DatasourceServiceInfo[] {
    return SERVICES;
  }
}
