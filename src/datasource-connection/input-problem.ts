import type { ValidationArguments, ValidationOptions } from 'class-validator';
import { ValidationError } from 'class-validator';
import type { ArgumentValidationError } from 'type-graphql';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { PublicError } from './public-error.js';

// A long list of invalid tags must not cause a much larger response.
const MAX_PROBLEMS = 20;

/** The codes of {@link InputProblem}. */
export enum InputProblemCode {
  REQUIRED = 'REQUIRED',
  UNKNOWN_FIELD = 'UNKNOWN_FIELD',
  WRONG_TYPE = 'WRONG_TYPE',
  TOO_SHORT = 'TOO_SHORT',
  TOO_LONG = 'TOO_LONG',
  TOO_SMALL = 'TOO_SMALL',
  TOO_LARGE = 'TOO_LARGE',
  WRONG_FORMAT = 'WRONG_FORMAT',
  NOT_ALLOWED = 'NOT_ALLOWED',
  DUPLICATE = 'DUPLICATE',
  TOO_MANY = 'TOO_MANY',
}

registerEnumType(InputProblemCode, {
  name: 'InputProblemCode',
  description: 'The kind of rule that a value breaks, for programs.',
  valuesConfig: {
    REQUIRED: { description: 'A value is missing, or null where null is not allowed.' },
    UNKNOWN_FIELD: { description: 'The input has no field of this name.' },
    WRONG_TYPE: { description: 'The value is of another type, such as a number where a text is expected.' },
    TOO_SHORT: { description: 'The text has fewer characters than `limit`.' },
    TOO_LONG: { description: 'The text has more characters than `limit`.' },
    TOO_SMALL: { description: 'The number is less than `limit`.' },
    TOO_LARGE: { description: 'The number is greater than `limit`.' },
    WRONG_FORMAT: { description: 'The text has characters or a form that the field does not accept.' },
    NOT_ALLOWED: { description: 'The value is reserved, or not one of those that the field accepts.' },
    DUPLICATE: { description: 'The list contains something twice that must be unique.' },
    TOO_MANY: { description: 'The list has more items than `limit`.' },
  },
});

/** One violated rule of an input. */
@ObjectType({ description: 'One rule that the input breaks.' })
export class InputProblem {
  @Field(() => [String], {
    description:
      'The path within `input`: field names and list positions, outermost first, such as `["tags", "0", "key"]`.',
  })
  readonly path: readonly string[];

  @Field(() => InputProblemCode, { description: 'The kind of rule, for programs.' })
  readonly code: InputProblemCode;

  @Field(() => String, { description: 'The rule, in English, to be shown next to the field.' })
  readonly message: string;

  @Field(() => Int, {
    nullable: true,
    description: 'The length, count or value that is exceeded or not reached; null for rules of other kinds.',
  })
  readonly limit: number | null;

  constructor(path: readonly string[], code: InputProblemCode, message: string, limit: number | null = null) {
    this.path = path;
    this.code = code;
    this.message = message;
    this.limit = limit;
  }
}

/** A top-level error of invalid input. Its problems are sent as `extensions.problems`. */
export class BadInputError extends PublicError {
  readonly problems: readonly object[];

  constructor(problems: readonly InputProblem[]) {
    super('BAD_USER_INPUT', problems.map(({ message }) => message).join(' '));
    this.problems = problems.map(({ limit, ...problem }) => ({ ...problem, ...(limit !== null && { limit }) }));
  }
}

/** The options of a class-validator decorator that define what is reported when its rule is broken. */
export function reports(
  code: InputProblemCode,
  message: string | ((args: ValidationArguments) => string),
  limit: number | null = null,
): ValidationOptions {
  return { message, context: { code, limit } };
}

/** A problem of an item of a list, with the path within the list. */
export interface ItemProblem extends Pick<InputProblem, 'path' | 'code' | 'message'> {
  limit?: number | undefined;
}

/**
 * The options of a class-validator decorator that finds problems within a list, each with a path of its own.
 *
 * class-validator has one message per decorator, so the message is the JSON text of the problems.
 */
export function reportsItems(find: (value: unknown) => Iterable<ItemProblem>): ValidationOptions {
  const message = ({ value }: ValidationArguments) => {
    const problems: ItemProblem[] = [];
    for (const problem of find(value)) {
      problems.push(problem);
      if (problems.length === MAX_PROBLEMS) break;
    }
    return JSON.stringify(problems);
  };
  return { message, context: { isList: true } };
}

/** Lists at most 20 problems of invalid arguments. Undefined if a validator threw, which type-graphql wraps as well. */
export function describeProblems({ extensions }: ArgumentValidationError): InputProblem[] | undefined {
  const problems: unknown = extensions.validationErrors;
  if (!Array.isArray(problems) || !problems.every(problem => problem instanceof ValidationError)) return undefined;
  return problems.flatMap(problem => flatten(problem, [])).slice(0, MAX_PROBLEMS);
}

function flatten(
  { property, constraints = {}, contexts = {}, children = [] }: ValidationError,
  parents: string[],
): InputProblem[] {
  const path = [...parents, property];
  return [
    ...Object.entries(constraints).flatMap(([rule, message]) => {
      // Missing only where GraphQL has already refused the value; a new rule without a context would throw here.
      const { code, limit, isList } = contexts[rule];
      return isList === true ? readItemProblems(path, message) : new InputProblem(path, code, message, limit);
    }),
    ...children.flatMap(child => flatten(child, path)),
  ];
}

function readItemProblems(path: readonly string[], text: string): InputProblem[] {
  const problems: readonly ItemProblem[] = JSON.parse(text);
  return problems.map(
    ({ path: below, code, message, limit }) => new InputProblem([...path, ...below], code, message, limit),
  );
}
