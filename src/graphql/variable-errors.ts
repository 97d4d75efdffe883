import type { GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { coerceInputValue, GraphQLError, isInputType, isNonNullType, typeFromAST } from 'graphql';
import { describeInputError } from './describe-input-error.js';
import { typeAt } from './input-type-path.js';

const MAX_ERRORS = 20;

/** Every problem of an operation's variables at once, told without their values. */
export function describeVariableErrors(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  const messages: string[] = [];
  for (const { variable, type: typeNode, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode);
    if (!isInputType(type)) continue;
    if (Object.hasOwn(variables, name)) {
      coerceInputValue(variables[name], type, (path, _value, error) => {
        messages.push(describeInputError([name, ...path], typeAt(type, path), error.message));
      });
    } else if (isNonNullType(type) && defaultValue === undefined) {
      messages.push(describeInputError([], type, `Field "${name}" of required type`));
    }
  }
  return messages
    .slice(0, MAX_ERRORS)
    .map(message => new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } }));
}
