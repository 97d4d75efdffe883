import type { DocumentNode, FieldNode, GraphQLOutputType, GraphQLSchema, SelectionSetNode } from 'graphql';
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  TypeNameMetaFieldDef,
} from 'graphql';
import { ERROR_CODES } from '../../../src/lib/error-codes.js';

/** The codes of top-level errors, except those for the gateway's own failures. */
const CODES: ReadonlySet<unknown> = new Set(Object.keys(ERROR_CODES).filter(code => code !== 'INTERNAL'));
const MAX_MESSAGE_LENGTH = 500;
const MAX_PROBLEMS = 20;
const TRACE_ID = /^[0-9a-f]{32}$/;
const NO_TRACE_ID = '0'.repeat(32);

/** A response in the form that the GraphQL specification prescribes. */
export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: unknown; extensions: { code: string } }[];
}

/**
 * Describes what is wrong with a value that should be a response to a document; undefined if nothing is.
 *
 * @param query the document; undefined if it is unknown, in which case the data is not checked
 */
export function findAnswerProblem(schema: GraphQLSchema, answer: unknown, query?: string): string | undefined {
  if (!isObject(answer)) return 'is not an object';
  const { data, errors, ...others } = answer;
  if (Object.keys(others).length > 0) return `has other keys: ${Object.keys(others)}`;
  if (data === undefined && errors === undefined) return 'has neither data nor errors';
  if (data !== undefined && data !== null && !isObject(data)) return 'has data that is not an object';
  if (data === null && errors === undefined) return 'has no data and does not say why';
  if (errors !== undefined) {
    if (!Array.isArray(errors) || errors.length === 0) return 'has no list of errors';
    const problem = errors.map(error => findErrorProblem(schema, error)).find(found => found !== undefined);
    if (problem !== undefined) return problem;
  }
  if (!isObject(data)) return undefined;
  if (query === undefined) return undefined;
  return findDataProblem(schema, parse(query), data);
}

function findErrorProblem(schema: GraphQLSchema, error: unknown): string | undefined {
  if (!isObject(error)) return 'has an error that is not an object';
  const { message, extensions, locations: _locations, path: _path, ...others } = error;
  if (Object.keys(others).length > 0) return `has an error with other keys: ${Object.keys(others)}`;
  if (typeof message !== 'string' || message === '' || message.length > MAX_MESSAGE_LENGTH)
    return 'has an error without a message of limited length';
  if (!isObject(extensions) || !CODES.has(extensions['code']))
    return `has an error without a known code: ${JSON.stringify(extensions)}`;
  // Apollo refuses some requests itself, without a trace id.
  const { code, traceId = code === 'BAD_REQUEST' ? NO_TRACE_ID : undefined } = extensions;
  if (!TRACE_ID.test(String(traceId))) return `has an error without a trace id: ${JSON.stringify(extensions)}`;
  const { code: _code, traceId: _traceId, retryAfterSeconds = 1, problems, ...details } = extensions;
  if (Object.keys(details).length > 0) return `has an error with details: ${Object.keys(details)}`;
  if (problems !== undefined && (code !== 'BAD_USER_INPUT' || !isProblemList(schema, problems)))
    return `has an error with odd problems: ${JSON.stringify(problems)}`;
  return Number.isInteger(retryAfterSeconds) && Number(retryAfterSeconds) >= 0 ? undefined : 'has an odd time to wait';
}

function isProblemList(schema: GraphQLSchema, problems: unknown): boolean {
  const codes = schema.getType('InputProblemCode');
  if (!Array.isArray(problems) || problems.length === 0 || problems.length > MAX_PROBLEMS) return false;
  return problems.every(({ path, code, message, limit = 0, ...others }) => {
    const isPath = Array.isArray(path) && path.every(step => typeof step === 'string');
    const isCode = isEnumType(codes) && codes.getValue(String(code)) != null;
    return (
      isPath && isCode && typeof message === 'string' && Number.isInteger(limit) && Object.keys(others).length === 0
    );
  });
}

/** Describes what is wrong with data, which must be a possible result of one of the document's operations. */
function findDataProblem(
  schema: GraphQLSchema,
  document: DocumentNode,
  data: Record<string, unknown>,
): string | undefined {
  const problems = document.definitions.flatMap(definition => {
    if (definition.kind !== Kind.OPERATION_DEFINITION) return [];
    const root = schema.getRootType(definition.operation);
    const problem = root && findProblem(schema, document, root, [definition.selectionSet], data, 'data');
    return problem == null ? ['none'] : [problem];
  });
  return problems.includes('none') ? undefined : (problems[0] ?? 'has data without an operation');
}

function findProblem(
  schema: GraphQLSchema,
  document: DocumentNode,
  type: GraphQLOutputType,
  sets: readonly SelectionSetNode[],
  value: unknown,
  path: string,
): string | undefined {
  if (value === null) return isNonNullType(type) ? `${path} is null` : undefined;
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return value
      .map((item, index) => findProblem(schema, document, nullable.ofType, sets, item, `${path}.${index}`))
      .find(problem => problem !== undefined);
  }
  const named = getNamedType(nullable);
  if (isEnumType(named))
    return named.getValue(String(value)) == null ? `${path} is no value of ${named.name}` : undefined;
  if (!isCompositeType(named)) return isScalar(named.name, value) ? undefined : `${path} is no ${named.name}`;
  if (!isObject(value)) return `${path} is not an object`;
  const fields = fieldsOf(document, sets);
  const nameKey = [...fields].find(([, [node]]) => node?.name.value === '__typename')?.[0];
  const possible = isAbstractType(named) ? schema.getPossibleTypes(named) : [named];
  const typeName = nameKey === undefined ? undefined : value[nameKey];
  const actual = typeName === undefined ? possible[0] : possible.find(({ name }) => name === typeName);
  if (actual === undefined) return `${path} is of the type ${typeName}, which is no member of ${named.name}`;
  if (typeName === undefined && possible.length > 1) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const [node, ...others] = fields.get(key) ?? [];
    if (node === undefined) return `${path}.${key} was not asked for`;
    const isName = node.name.value === '__typename';
    // Other members of the union may use the same response key for another field.
    const same = [node, ...others].find(({ name }) => isName || actual.getFields()[name.value] !== undefined);
    const field = isName ? TypeNameMetaFieldDef : actual.getFields()[same?.name.value ?? ''];
    if (field === undefined) return `${path}.${key} is no field of ${actual.name}`;
    const nodes = [node, ...others].flatMap(({ selectionSet }) => selectionSet ?? []);
    const problem = findProblem(schema, document, field.type, nodes, member, `${path}.${key}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

// Cached, because the items of a list have the same selections.
const unfolded = new WeakMap<readonly SelectionSetNode[], Map<string, FieldNode[]>>();

/** The selected fields by their response keys, with all fragments unfolded regardless of their type. */
function fieldsOf(document: DocumentNode, sets: readonly SelectionSetNode[]): Map<string, FieldNode[]> {
  const known = unfolded.get(sets);
  if (known !== undefined) return known;
  const found = new Map<string, FieldNode[]>();
  unfolded.set(sets, found);
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        found.set(key, [...(found.get(key) ?? []), selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet);
      else {
        const name = selection.name.value;
        for (const definition of document.definitions)
          if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name)
            add(definition.selectionSet);
      }
    }
  };
  for (const set of sets) add(set);
  return found;
}

function isScalar(name: string, value: unknown): boolean {
  if (name === 'Int') return Number.isInteger(value);
  if (name === 'Float') return typeof value === 'number';
  if (name === 'Boolean') return typeof value === 'boolean';
  if (name === 'DateTime') return typeof value === 'string' && Number.isFinite(Date.parse(value));
  return typeof value === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
