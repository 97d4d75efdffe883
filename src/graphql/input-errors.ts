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
import { InputProblem, InputProblemCode } from '../datasource-connection/input-problem.js';
import { EXECUTION_OPTIONS } from './document-limits.js';

const NAME = /^[_A-Za-z][_0-9A-Za-z]{0,63}$/;
const FIELD_PROBLEM = /^Field "(?:\w+\.)?([^"]*)" (of required type|is not defined by type)/;

/**
 * Describes an invalid input value by its field and rule, without the value.
 *
 * The messages of graphql-js quote the value, and for a missing field the whole input.
 *
 * @param type the type at the path, if known
 * @param isNull whether the value is null
 * @param graphqlMessage the message of graphql-js, from which only the name of a field is used
 */
function describeInputError(
  path: InputPath,
  type: GraphQLInputType | undefined,
  isNull: boolean,
  graphqlMessage: string,
): InputProblem {
  const [, field, problem] = FIELD_PROBLEM.exec(graphqlMessage) ?? [];
  if (field !== undefined) {
    if (problem === 'of required type') return requiredProblem([...path, field]);
    const owner = type === undefined ? 'its input type' : getNamedType(type).name;
    return problemAt([...path, field], InputProblemCode.UNKNOWN_FIELD, `is not a field of ${owner}`);
  }
  if (type === undefined) return problemAt(path, InputProblemCode.WRONG_TYPE, 'is not valid');
  if (isNull && isNonNullType(type)) return requiredProblem(path);
  const named = getNamedType(type);
  if (isEnumType(named)) {
    const values = named.getValues().map(value => value.name);
    return problemAt(path, InputProblemCode.NOT_ALLOWED, `must be one of ${values.join(', ')}`);
  }
  return problemAt(path, InputProblemCode.WRONG_TYPE, `must be of type ${String(type)}`);
}

function requiredProblem(path: InputPath): InputProblem {
  return problemAt(path, InputProblemCode.REQUIRED, 'is required');
}

function problemAt(path: InputPath, code: InputProblemCode, predicate: string): InputProblem {
  // Keys are input too, so a key that is not a valid name is not repeated.
  const steps = path.map(step => (typeof step === 'number' || NAME.test(step) ? String(step) : '(a name not shown)'));
  return new InputProblem(steps, code, `"${steps.join('.')}" ${predicate}.`);
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

/** The problem of an invalid value in a document, without the value; undefined when the error is not about a value. */
export function findLiteralProblem(
  error: GraphQLError,
  schema: GraphQLSchema,
  document: DocumentNode,
): InputProblem | undefined {
  const [node] = error.nodes ?? [];
  // For an unknown field the node is the field itself, and the message names it relative to its parent.
  const isField = node?.kind === Kind.OBJECT_FIELD;
  if (!node || !(isField || (isValueNode(node) && node.kind !== Kind.VARIABLE))) return undefined;
  const { path, type } = locate(node, schema, document);
  if (isField) return describeInputError(path.slice(0, -1), undefined, false, error.message);
  return describeInputError(path, type, node.kind === Kind.NULL, error.message);
}

function locate(target: ASTNode, schema: GraphQLSchema, document: DocumentNode) {
  const typeInfo = new TypeInfo(schema);
  let path: InputPath = [];
  let type: GraphQLInputType | undefined;
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      enter(node, _key, parent, keys, ancestors) {
        if (node !== target) return undefined;
        type = typeInfo.getInputType() ?? undefined;
        path = [...ancestors, parent, node].flatMap((part, depth) => stepOf(part, keys.slice(0, depth)));
        return BREAK;
      },
    }),
  );
  return { path, type };
}

/** The step that leads into a part of a document, which may be a list of siblings; none for most parts. */
function stepOf(part: ASTNode | readonly ASTNode[] | undefined, keys: readonly (string | number)[]): InputPath {
  if (part === undefined || !('kind' in part)) return [];
  // Only lists of values have this key.
  if (keys.at(-2) === 'values') return keys.slice(-1);
  if (part.kind === Kind.VARIABLE_DEFINITION) return [part.variable.name.value];
  return part.kind === Kind.ARGUMENT || part.kind === Kind.OBJECT_FIELD ? [part.name.value] : [];
}

// Only an exception ends the coercion of graphql-js early.
const LIMIT_REACHED = Symbol('limit reached');
// Suggestions are not shown, and take long to find.
const HIDE_SUGGESTIONS = true;

/** The problems of the variables of an operation, without their values. The search ends at the 20th. */
export function findVariableProblems(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): InputProblem[] {
  const problems: InputProblem[] = [];
  try {
    for (const definition of operation.variableDefinitions ?? [])
      describeVariable(schema, definition, variables, problem => {
        problems.push(problem);
        if (problems.length === EXECUTION_OPTIONS.maxCoercionErrors) throw LIMIT_REACHED;
      });
  } catch (error) {
    if (error !== LIMIT_REACHED) throw error;
  }
  return problems;
}

function describeVariable(
  schema: GraphQLSchema,
  { variable, type: typeNode, defaultValue }: VariableDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  report: (problem: InputProblem) => void,
): void {
  const name = variable.name.value;
  const type = typeFromAST(schema, typeNode);
  if (!isInputType(type)) return;
  if (Object.hasOwn(variables, name)) {
    const describe: Parameters<typeof coerceInputValue>[2] = (path, value, { message }) =>
      report(describeInputError([name, ...path], typeAt(type, path), value === null, message));
    coerceInputValue(variables[name], type, describe, HIDE_SUGGESTIONS);
  } else if (isNonNullType(type) && defaultValue === undefined) {
    report(requiredProblem([name]));
  }
}
