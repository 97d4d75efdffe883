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

/** A rule for a field of an input, as the query of its rules shows it. */
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

/** All fields of an input in the schema, those in lists too, and whether they must be set. */
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

/** Sorts the problems of a create by the paths of its values, the first item of lists. */
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

/** These codes at the path of every rule. */
export function everywhere(rules: readonly FieldRule[], codes: string[]): CodesByPath {
  return Object.fromEntries(rules.map(({ path }) => [path.join('.'), codes]));
}

/** Asserts that texts of the least and greatest lengths are accepted, and that those beyond them are not. */
export async function expectLengths(
  rules: readonly FieldRule[],
  codesOf: (values: readonly FieldValue[]) => Promise<CodesByPath>,
): Promise<void> {
  const codesOfLengths = (some: readonly FieldRule[], lengthOf: (rule: FieldRule) => number) =>
    codesOf(some.map(rule => [rule, 'x'.repeat(lengthOf(rule))]));
  const least = ({ minLength }: FieldRule) => minLength ?? 0;
  const most = ({ maxLength }: FieldRule) => maxLength ?? 0;
  for (const lengthOf of [least, most]) expect(await codesOfLengths(rules, lengthOf)).toEqual(everywhere(rules, []));
  expect(await codesOfLengths(rules, rule => most(rule) + 1)).toEqual(everywhere(rules, ['TOO_LONG']));
  const withMinimum = rules.filter(rule => least(rule) > 0);
  expect(await codesOfLengths(withMinimum, rule => least(rule) - 1)).toEqual(everywhere(withMinimum, ['TOO_SHORT']));
}
