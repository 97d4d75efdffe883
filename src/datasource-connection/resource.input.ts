import { IsIn } from 'class-validator';
import { Field, InputType, registerEnumType } from 'type-graphql';
import type { Resource } from '../dli/connection.js';
import { ResourceKind } from '../dli/connection.js';
import type { ListRule } from './field-rules.js';
import { FollowsRule, stringRule } from './field-rules.js';

/** The rule of names of pools and queues. Source: docs/sources.md, queues. */
export const RESOURCE_NAME_RULE = stringRule({
  subject: 'The name of a pool or queue',
  minLength: 1,
  maxLength: 128,
  example: 'pool_a',
  contents: 'letters, digits and _',
  pattern: '[A-Za-z0-9_]*',
  reserved: {
    pattern: '_|[0-9]+$|[Dd][Ee][Ff][Aa][Uu][Ll][Tt]$',
    rule: 'must not begin with _, consist of digits only or be default',
  },
});

/** A pool or queue in the input of a caller. */
@InputType({ description: 'An elastic resource pool or a queue.' })
export class ConnectionResourceInput {
  @Field(() => ResourceKind, { description: 'What it is.' })
  @IsIn(Object.values(ResourceKind))
  kind!: ResourceKind;

  @Field(() => String, { description: `Its name, ignoring case. ${RESOURCE_NAME_RULE.text}` })
  @FollowsRule(RESOURCE_NAME_RULE)
  name!: string;
}

/** The rule for a list of pools and queues. */
export function resourceListRule(subject: string, isRequired: boolean): ListRule<ConnectionResourceInput> {
  return {
    subject,
    isRequired,
    ...(isRequired && { minItems: 1 }),
    maxItems: 20,
    items: { name: RESOURCE_NAME_RULE },
    unique: {
      field: 'name',
      keyOf: ({ kind, name }) => `${kind} ${name.toLowerCase()}`,
      message: 'A pool or queue must be listed once only.',
    },
  };
}

/** Converts pools and queues to the names that DLI stores, in lower case. */
export function toResources(inputs: readonly ConnectionResourceInput[]): Resource[] {
  return inputs.map(({ kind, name }) => ({ kind, name: name.toLowerCase() }));
}

registerEnumType(ResourceKind, {
  name: 'ConnectionResourceKind',
  description: 'What an enhanced connection can be bound to.',
  valuesConfig: {
    ELASTIC_RESOURCE_POOL: { description: 'An elastic resource pool, with all of its queues.' },
    QUEUE: { description: 'A queue outside of pools. DLI is retiring these.' },
  },
});
