import type {
  ASTNode,
  DocumentNode,
  GraphQLError,
  GraphQLInputType,
  GraphQLSchema,
  OperationDefinitionNode,
  VariableDefinitionNode,
} from 'graphql';
import {
  BREAK,
  coerceInputValue,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isValueNode,
  Kind,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { PublicError } from '../datasource-connection/public-error.js';
import { EXECUTION_OPTIONS } from './document-limits.js';

const NAME = /^[_A-Za-z][_0-9A-Za-z]{0,63}$/;
const FIELD_PROBLEM = /^Field "(?:\w+\.)?([^"]*)" (of required type|is not defined by type)/;

/**
 * Describes an invalid input value by its field and rule, without the value.
 *
 * The messages of graphql-js quote the value, and for a missing field the whole input.
 *
 * @param type the type at the path, if known
 * @param graphqlMessage the message of graphql-js, from which only the name of a field is used
 */
function describeInputError(path: InputPath, type: GraphQLInputType | undefined, graphqlMessage: string): string {
  const [, field, problem] = FIELD_PROBLEM.exec(graphqlMessage) ?? [];
  if (field !== undefined) {
    const isMissing = problem === 'of required type';
    const owner = type === undefined ? 'its input type' : getNamedType(type).name;
    return `${formatPath([...path, field])} ${isMissing ? 'is required' : `is not a field of ${owner}`}.`;
  }
  if (type === undefined) return `${formatPath(path)} is not valid.`;
  const named = getNamedType(type);
  if (isEnumType(named)) {
    const values = named.getValues().map(value => value.name);
    return `${formatPath(path)} must be one of ${values.join(', ')}.`;
  }
  return `${formatPath(path)} must be of type ${String(type)}.`;
}

// Keys are input too, so a key that is not a valid name is not repeated.
function formatPath(path: InputPath): string {
  const steps = path.map(step => (typeof step === 'number' || NAME.test(step) ? step : '(a name not shown)'));
  return `"${steps.join('.')}"`;
}

/** The path to a part of an input value: field names and list indexes. */
type InputPath = readonly (string | number)[];

/** The type of a part of an input value; undefined when the path leads nowhere. */
function typeAt(type: GraphQLInputType, path: InputPath): GraphQLInputType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return type;
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    // GraphQL coerces a single value to a list of one, and then the path has no index.
    return typeof step === 'number' ? typeAt(nullable.ofType, rest) : typeAt(nullable.ofType, path);
  }
  const next = isInputObjectType(nullable) ? nullable.getFields()[step]?.type : undefined;
  return next && typeAt(next, rest);
}

/** Describes an invalid value in a document, without the value; undefined when the error is not about a value. */
export function describeLiteralError(
  error: GraphQLError,
  schema: GraphQLSchema,
  document: DocumentNode,
): string | undefined {
  const [node] = error.nodes ?? [];
  // For an unknown field the node is the field itself, and the message names it relative to its parent.
  const isField = node?.kind === Kind.OBJECT_FIELD;
  if (!node || !(isField || (isValueNode(node) && node.kind !== Kind.VARIABLE))) return undefined;
  const { path, type } = locate(node, schema, document);
  return describeInputError(isField ? path.slice(0, -1) : path, isField ? undefined : type, error.message);
}

function locate(target: ASTNode, schema: GraphQLSchema, document: DocumentNode) {
  const typeInfo = new TypeInfo(schema);
  let path: InputPath = [];
  let type: GraphQLInputType | undefined;
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      enter(node, _key, parent, _path, ancestors) {
        if (node !== target) return undefined;
        type = typeInfo.getInputType() ?? undefined;
        // The ancestors include lists of siblings.
        path = [...ancestors, parent, node].filter(isNode).flatMap(stepOf);
        return BREAK;
      },
    }),
  );
  return { path, type };
}

function isNode(ancestor: ASTNode | readonly ASTNode[] | undefined): ancestor is ASTNode {
  return ancestor !== undefined && 'kind' in ancestor;
}

function stepOf(node: ASTNode): string[] {
  if (node.kind === Kind.VARIABLE_DEFINITION) return [node.variable.name.value];
  return node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD ? [node.name.value] : [];
}

// Only an exception ends the coercion of graphql-js early.
const LIMIT_REACHED = Symbol('limit reached');
// Suggestions are not shown, and take long to find.
const HIDE_SUGGESTIONS = true;

/** Describes the invalid variables of an operation, without their values. The search ends at the 20th problem. */
export function describeVariableErrors(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  const messages: string[] = [];
  try {
    for (const definition of operation.variableDefinitions ?? [])
      describeVariable(schema, definition, variables, message => {
        messages.push(message);
        if (messages.length === EXECUTION_OPTIONS.maxCoercionErrors) throw LIMIT_REACHED;
      });
  } catch (error) {
    if (error !== LIMIT_REACHED) throw error;
  }
  return messages.map(message => new PublicError('BAD_USER_INPUT', message));
}

function describeVariable(
  schema: GraphQLSchema,
  { variable, type: typeNode, defaultValue }: VariableDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  report: (message: string) => void,
): void {
  const name = variable.name.value;
  const type = typeFromAST(schema, typeNode);
  if (!isInputType(type)) return;
  if (Object.hasOwn(variables, name)) {
    const describe: Parameters<typeof coerceInputValue>[2] = (path, _value, { message }) =>
      report(describeInputError([name, ...path], typeAt(type, path), message));
    coerceInputValue(variables[name], type, describe, HIDE_SUGGESTIONS);
  } else if (isNonNullType(type) && defaultValue === undefined) {
    report(describeInputError([], type, `Field "${name}" of required type`));
  }
}
