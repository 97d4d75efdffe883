import type { GraphQLInputType } from 'graphql';
import { getNullableType, isInputObjectType, isListType } from 'graphql';

/** Steps from an input value to a part of it: field names and list positions. */
export type InputPath = readonly (string | number)[];

/** The type of a part of an input value; undefined when the path leads nowhere. */
export function typeAt(type: GraphQLInputType, path: InputPath): GraphQLInputType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return type;
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    // A list accepts a single value as a list of one, and then has no position in the path.
    return typeof step === 'number' ? typeAt(nullable.ofType, rest) : typeAt(nullable.ofType, path);
  }
  const next = isInputObjectType(nullable) ? nullable.getFields()[step]?.type : undefined;
  return next && typeAt(next, rest);
}
