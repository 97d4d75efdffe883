import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { GraphQLNamedType } from 'graphql';
import {
  buildSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  OverlappingFieldsCanBeMergedRule,
  parse,
  validate,
} from 'graphql';
import { withErrorTables } from '../../src/graphql/error-tables.js';
import { printGatewaySchema } from '../../src/graphql/schema.js';
import { ERROR_CODES } from '../../src/lib/error-codes.js';

// Built from its text, because the gateway's schema uses another copy of graphql.
const schema = buildSchema(printGatewaySchema());

describe('the GraphQL schema', () => {
  it('equals schema.graphql', () => {
    const file = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

    expect(printGatewaySchema()).toBe(file);
  });

  it('has a description with the three things that callers need to know', () => {
    for (const text of ['... on UserError { message code }', 'idempotencyKey', 'subscription', 'waitSeconds'])
      expect(schema.description).toContain(text);
  });

  it('specifies the format of its scalars', () => {
    const scalars = Object.values(schema.getTypeMap()).filter(isScalarType);
    const unspecified = scalars.filter(type => !isSpecifiedScalarType(type) && !type.specifiedByURL);

    expect(scalars.map(({ name }) => name)).toContain('DateTime');
    expect(unspecified).toEqual([]);
  });

  it('is the source of the tables in docs/errors.md', () => {
    const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

    expect(withErrorTables(page)).toBe(page);
    const userErrorCodes = schema.getType('UserErrorCode');
    if (!isEnumType(userErrorCodes)) throw new Error('The schema has no UserErrorCode.');
    for (const code of [...Object.keys(ERROR_CODES), ...userErrorCodes.getValues().map(({ name }) => name)])
      expect(page).toContain(`| \`${code}\` |`);
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

  it('lets callers select all fields of all members of a union or interface under their own names', () => {
    const types = Object.values(schema.getTypeMap()).filter(isAbstractType);
    const conflicts = types.flatMap(type => {
      const document = parse(`fragment All on ${type.name} ${selectAll(type)}`);
      return validate(schema, document, [OverlappingFieldsCanBeMergedRule]).map(({ message }) => message);
    });

    expect(types.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['CreateDatasourceConnectionPayload', 'DeleteDatasourceConnectionPayload', 'UserError']),
    );
    expect(conflicts).toEqual([]);
  });

  it.each(['Create', 'Delete', 'CreateEnhanced', 'Bind', 'Unbind'])(
    'has exactly one member per payload that is not a UserError: %s',
    kind => {
      const payload = schema.getType(`${kind}DatasourceConnectionPayload`);
      if (!isUnionType(payload)) throw new Error('The payload is not a union.');
      const isUserError = (names: readonly { name: string }[]) => names.some(({ name }) => name === 'UserError');
      const others = payload.getTypes().filter(type => !isUserError(type.getInterfaces()));

      expect(others.map(type => type.name)).toEqual([`${kind}DatasourceConnectionSuccess`]);
    },
  );

  it.each([
    [
      'Create',
      [
        'CreateDatasourceConnectionSuccess',
        'InvalidInputError',
        'NameTakenError',
        'DliRejectedError',
        'DliUnavailableError',
        'IdempotencyInProgressError',
        'IdempotencyKeyReusedError',
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
        'ConnectionBusyError',
        'ConnectionInUseError',
        'DliRejectedError',
        'DliUnavailableError',
        'DeleteOutcomeUnknownError',
      ],
    ],
    [
      'CreateEnhanced',
      [
        'CreateEnhancedDatasourceConnectionSuccess',
        'InvalidInputError',
        'NameTakenError',
        'DliRejectedError',
        'DliUnavailableError',
        'IdempotencyInProgressError',
        'IdempotencyKeyReusedError',
        'OutcomeUnknownError',
      ],
    ],
    [
      'Bind',
      [
        'BindDatasourceConnectionSuccess',
        'InvalidInputError',
        'ConnectionNotFoundError',
        'ConnectionResourceNotFoundError',
        'ConnectionBusyError',
        'DliRejectedError',
        'DliUnavailableError',
        'ChangeOutcomeUnknownError',
      ],
    ],
    [
      'Unbind',
      [
        'UnbindDatasourceConnectionSuccess',
        'InvalidInputError',
        'ConnectionNotFoundError',
        'ConnectionBusyError',
        'DliRejectedError',
        'DliUnavailableError',
        'ChangeOutcomeUnknownError',
      ],
    ],
  ])('contains every member of the published contract: %s', (kind, members) => {
    const payload = schema.getType(`${kind}DatasourceConnectionPayload`);
    if (!isUnionType(payload)) throw new Error('The payload is not a union.');

    expect(payload.getTypes().map(type => type.name)).toEqual([...members].sort());
  });
});

/** Selects every field of a type, and of all members of unions and implementers of interfaces, under its own name. */
function selectAll(type: GraphQLNamedType, parents: readonly GraphQLNamedType[] = []): string {
  if (!isCompositeType(type)) return '';
  if (parents.includes(type)) return '{ __typename }';
  const members = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  const fields = isUnionType(type) ? [] : Object.values(type.getFields());
  const selections = [
    '__typename',
    ...fields.map(field => `${field.name} ${selectAll(getNamedType(field.type), [...parents, type])}`),
    ...members.map(member => `... on ${member.name} ${selectAll(member, [...parents, type])}`),
  ];
  return `{ ${selections.join(' ')} }`;
}

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
