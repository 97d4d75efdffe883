import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { GraphQLNamedType } from 'graphql';
import {
  buildSchema,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql';
import { printGatewaySchema } from '../../src/graphql/schema.js';

// Built from its text, because the gateway's schema uses another copy of graphql.
const schema = buildSchema(printGatewaySchema());

describe('the GraphQL schema', () => {
  it('equals schema.graphql', () => {
    const file = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

    expect(printGatewaySchema()).toBe(file);
  });

  it('describes every type, field, argument and enum value', () => {
    const isRoot = (type: GraphQLNamedType) =>
      type === schema.getQueryType() || type === schema.getMutationType() || type === schema.getSubscriptionType();
    const types = Object.values(schema.getTypeMap()).filter(
      type => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
    );
    const undescribed = types.flatMap(type => [
      ...(type.description || isRoot(type) ? [] : [type.name]),
      ...partsOf(type)
        .filter(part => !part.description)
        .map(part => `${type.name}.${part.name}`),
    ]);

    expect(types.length).toBeGreaterThan(15);
    expect(undescribed).toEqual([]);
  });

  it.each(['Create', 'Delete'])('has exactly one member of a payload that is not a UserError: %s', kind => {
    const payload = schema.getType(`${kind}DatasourceConnectionPayload`);
    if (!isUnionType(payload)) throw new Error('The payload is not a union.');
    const isUserError = (names: readonly { name: string }[]) => names.some(({ name }) => name === 'UserError');
    const others = payload.getTypes().filter(type => !isUserError(type.getInterfaces()));

    expect(others.map(type => type.name)).toEqual([`${kind}DatasourceConnectionSuccess`]);
  });

  it.each([
    [
      'Create',
      [
        'CreateDatasourceConnectionSuccess',
        'InvalidInputError',
        'NameTakenError',
        'DliRejectedError',
        'DliUnavailableError',
        'IdempotencyConflictError',
        'OutcomeUnknownError',
      ],
    ],
    [
      'Delete',
      [
        'DeleteDatasourceConnectionSuccess',
        'InvalidInputError',
        'ConnectionNotFoundError',
        'ConnectionCreatingError',
        'DliRejectedError',
        'DliUnavailableError',
        'DeleteOutcomeUnknownError',
      ],
    ],
  ])('contains every member of the published contract: %s', (kind, members) => {
    const payload = schema.getType(`${kind}DatasourceConnectionPayload`);
    if (!isUnionType(payload)) throw new Error('The payload is not a union.');

    expect(payload.getTypes().map(type => type.name)).toEqual([...members].sort());
  });
});

function partsOf(type: GraphQLNamedType): { name: string; description?: string | null | undefined }[] {
  if (isEnumType(type)) return [...type.getValues()];
  const nullable = getNullableType(type);
  if (isInputObjectType(nullable)) return Object.values(nullable.getFields());
  if (isObjectType(nullable) || isInterfaceType(nullable)) {
    return Object.values(nullable.getFields()).flatMap(field => [
      field,
      ...field.args.map(argument => ({
        name: `${field.name}(${argument.name})`,
        description: argument.description,
      })),
    ]);
  }
  return [];
}
