import type { GraphQLInputType } from 'graphql';
import { getNamedType, isEnumType } from 'graphql';
import type { InputPath } from './input-type-path.js';

const SHOWABLE_NAME = /^[_A-Za-z][_0-9A-Za-z]{0,63}$/;
const FIELD_PROBLEM = /^Field "(?:\w+\.)?([^"]*)" (of required type|is not defined by type)/;

/**
 * A problem of an input value in our words: it names the field and the rule, never the value.
 *
 * graphql-js quotes the offending value, and for a missing field the whole input.
 *
 * @param type the type at the path, when it is known
 * @param graphqlMessage the message of graphql-js about it, read only for the field it names
 */
export function describeInputError(
  path: InputPath,
  type: GraphQLInputType | undefined,
  graphqlMessage: string,
): string {
  const [, field, problem] = FIELD_PROBLEM.exec(graphqlMessage) ?? [];
  if (field !== undefined) {
    const isMissing = problem === 'of required type';
    const owner = type === undefined ? 'its input type' : getNamedType(type).name;
    return `${shown([...path, field])} ${isMissing ? 'is required' : `is not a field of ${owner}`}.`;
  }
  if (type === undefined) return `${shown(path)} is not valid.`;
  const named = getNamedType(type);
  if (isEnumType(named)) {
    const values = named.getValues().map(value => value.name);
    return `${shown(path)} must be one of ${values.join(', ')}.`;
  }
  return `${shown(path)} must be of type ${String(type)}.`;
}

// Keys come from the caller too; one that is no name is not repeated.
function shown(path: InputPath): string {
  const steps = path.map(step =>
    typeof step === 'number' || SHOWABLE_NAME.test(step) ? step : '(a name not shown)',
  );
  return `"${steps.join('.')}"`;
}
