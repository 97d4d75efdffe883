import { ValidationError } from 'class-validator';
import type { MiddlewareFn } from 'type-graphql';
import { ArgumentValidationError } from 'type-graphql';
import { InputProblem, InvalidInputError } from './invalid-input-error.type.js';

// A list of thousands of bad tags must not make an answer many times its size.
const MAX_PROBLEMS = 100;

/** Turns failed validation of a mutation's input into an {@link InvalidInputError} of its payload. */
export const answerInvalidInput: MiddlewareFn = async (_data, next) => {
  try {
    return await next();
  } catch (error) {
    const problems = error instanceof ArgumentValidationError ? describeProblems(error) : undefined;
    if (problems === undefined) throw error;
    return new InvalidInputError(problems);
  }
};

/** Every rule that arguments break; undefined when it was a bug inside a rule, which type-graphql wraps in the same way. */
export function describeProblems({ extensions }: ArgumentValidationError): InputProblem[] | undefined {
  const problems: unknown = extensions.validationErrors;
  if (!isValidationErrors(problems)) return undefined;
  return problems.flatMap(problem => flatten(problem, [])).slice(0, MAX_PROBLEMS);
}

function isValidationErrors(problems: unknown): problems is ValidationError[] {
  return Array.isArray(problems) && problems.every(problem => problem instanceof ValidationError);
}

function flatten({ property, constraints, children }: ValidationError, parents: string[]): InputProblem[] {
  const path = [...parents, property];
  const messages = Object.values(constraints ?? {});
  return [
    ...messages.map(message => new InputProblem(path, message)),
    ...(children ?? []).flatMap(child => flatten(child, path)),
  ];
}
