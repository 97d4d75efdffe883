import { expect } from '@jest/globals';
import type { GraphQLInputObjectType } from 'graphql';
import {
  buildSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
} from 'graphql';
import { printGatewaySchema } from '../../src/graphql/schema.js';

/** A rule for an input field, as the query for rules returns it. */
export interface FieldRule {
  path: string[];
  required: boolean;
  minLength: number | null;
  maxLength: number | null;
  maxItems: number | null;
  pattern: string | null;
  example: string | null;
  rule: string;
}

/** A value for the field of a rule. */
export type FieldValue = readonly [rule: FieldRule, value: string];

/** The codes of the problems at each path, sorted; none where the value is accepted. */
type CodesByPath = Record<string, string[]>;

/** All fields of an input type in the schema, including those in lists, and whether they are required. */
export function fieldsOfInput(name: string): { path: string[]; required: boolean }[] {
  const fieldsOf = (type: GraphQLInputObjectType, parents: string[]): { path: string[]; required: boolean }[] =>
    Object.values(type.getFields()).flatMap(field => {
      const path = [...parents, field.name];
      const named = getNamedType(field.type);
      const steps = isListType(getNullableType(field.type)) ? [...path, '*'] : path;
      const below = isInputObjectType(named) ? fieldsOf(named, steps) : [];
      return [{ path, required: isRequiredInputField(field) }, ...below];
    });
  return fieldsOf(buildSchema(printGatewaySchema()).getType(name) as GraphQLInputObjectType, []);
}

/** Groups the problems of a create by the paths of its values; in lists, only those of the first item. */
export function codesByPath(
  values: readonly FieldValue[],
  problems: readonly { path: string[]; code: string }[],
): CodesByPath {
  return Object.fromEntries(
    values.map(([{ path }]) => {
      const place = path.join('.').replace('*', '0');
      const own = problems.filter(problem => problem.path.join('.') === place);
      return [path.join('.'), own.map(({ code }) => code).sort()];
    }),
  );
}

/** The given codes at the path of every rule. */
export function codesAtEveryPath(rules: readonly FieldRule[], codes: string[]): CodesByPath {
  return Object.fromEntries(rules.map(({ path }) => [path.join('.'), codes]));
}

/** Asserts that texts of the minimum and maximum length are accepted, and that shorter and longer ones are not. */
export async function expectLengths(
  rules: readonly FieldRule[],
  codesOf: (values: readonly FieldValue[]) => Promise<CodesByPath>,
): Promise<void> {
  const codesOfLengths = (some: readonly FieldRule[], lengthOf: (rule: FieldRule) => number) =>
    codesOf(some.map(rule => [rule, 'x'.repeat(lengthOf(rule))]));
  const least = ({ minLength }: FieldRule) => minLength ?? 0;
  const most = ({ maxLength }: FieldRule) => maxLength ?? 0;
  for (const lengthOf of [least, most])
    expect(await codesOfLengths(rules, lengthOf)).toEqual(codesAtEveryPath(rules, []));
  expect(await codesOfLengths(rules, rule => most(rule) + 1)).toEqual(codesAtEveryPath(rules, ['TOO_LONG']));
  const withMinimum = rules.filter(rule => least(rule) > 0);
  expect(await codesOfLengths(withMinimum, rule => least(rule) - 1)).toEqual(
    codesAtEveryPath(withMinimum, ['TOO_SHORT']),
  );
}
