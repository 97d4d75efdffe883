import { readFileSync } from 'node:fs';
import type { GraphQLArgument } from 'graphql';
import { buildSchema, OperationTypeNode } from 'graphql';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { CreateInput } from './create-inputs.js';
import { createInput, mutateInput, nameOf } from './create-inputs.js';
import type { GrownDocument } from './document-grower.js';
import { DocumentGenerator } from './document-grower.js';
import { mutateDocument } from './document-mutations.js';
import { bindingsInput, enhancedInput, someResources } from './enhanced-inputs.js';
import { integer, mutateText, oddValue, RawText, withProbability, writeJson } from './odd-values.js';

/** The published schema. */
export const SCHEMA = buildSchema(readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'));

/** Values from earlier requests of a run for use in later ones. */
export interface Pool {
  /** Inputs of creates that had an idempotency key. */
  inputs: CreateInput[];
  /** Names in creates without faults. */
  names: string[];
  /** Inputs of creates of enhanced connections that had an idempotency key. */
  enhancedInputs: CreateInput[];
  /** Ids of connections, deleted ones included. */
  ids: string[];
  /** The ids of enhanced connections. */
  enhancedIds: string[];
  cursors: string[];
}

/** A generated request. */
export interface GraphqlRequest {
  kind: 'query' | 'create' | 'delete' | 'subscription' | 'enhanced create' | 'bindings';
  body: string;
  headers: Record<string, string>;
  /** The document, if the body has one. */
  query: string | undefined;
  /** Whether the document may be invalid. */
  isMutated: boolean;
  /** The input of a create of a classic connection, as its recipient parses it. */
  input: CreateInput | undefined;
  /** Whether no other request can have a create of the same name. */
  isFresh: boolean;
  /** The id to be deleted. */
  id: unknown;
}

const SHARES = {
  mutatedInput: 0.25,
  mutatedDocument: 0.15,
  oddBody: 0.08,
  oddHeaders: 0.05,
  oddArgument: 0.12,
  repeat: 0.2,
  otherInput: 0.1,
  sameName: 0.06,
  eventStream: 0.1,
};
const MAX_WAIT_SECONDS = 1;
const JSON_TYPE = 'application/json';
const NO_ID = '00000000-0000-4000-8000-000000000000';
const STATES = ['ACTIVE', 'CREATING', 'DELETED', 'FAILED', 'UNKNOWN'];

/** Headers that may make a gateway refuse a request or respond in another form. */
const ODD_HEADERS: readonly Record<string, string>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': 'multipart/form-data; boundary=a' },
  { 'content-type': 'application/graphql' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'application/json; charset=UTF8' },
  { 'content-type': 'application/json;' },
  { 'content-type': 'APPLICATION/JSON' },
  { 'content-type': 'application/json, text/plain' },
  { 'content-type': 'nonsense' },
  { 'content-type': '' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'identity' },
  { accept: 'application/graphql-response+json' },
  { accept: 'text/html' },
  { accept: 'text/html, application/json;q=0.1' },
  { accept: 'nonsense' },
  { accept: '' },
  { accept: 'multipart/mixed' },
  { 'apollo-require-preflight': 'true', 'content-type': 'text/plain' },
  { 'x-apollo-operation-name': '\u00ff' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { traceparent: 'nonsense' },
  { authorization: 'Bearer nonsense' },
  { origin: 'null' },
  { expect: '100-continue' },
];

/** Functions that give the body of a request an odd form. It may still be valid. */
const ODD_BODIES: readonly ((request: Record<string, unknown>, random: Random) => string)[] = [
  request => `\ufeff${writeJson(request)}`,
  request => `[${writeJson(request)}]`,
  request => ` \n${writeJson(request)}\n `,
  request => `${writeJson(request)} x`,
  request => `{"query":1,${writeJson(request).slice(1)}`,
  request => `${writeJson(request).slice(0, -1)},"query":"{ __typename }"}`,
  request => `${writeJson(request).slice(0, -1)},"variables":null}`,
  request => `${writeJson(request).slice(0, -1)},"__proto__":{"query":"{ __typename }"}}`,
  (request, random) => writeJson(request).slice(0, integer(random, 0, 200)),
  ({ query: _query, ...request }) => writeJson(request),
  (request, random) => writeJson({ ...request, query: oddValue(random) }),
  (request, random) => writeJson({ ...request, variables: oddValue(random) }),
  (request, random) => writeJson({ ...request, operationName: oddValue(random) }),
  (request, random) => writeJson({ ...request, extensions: oddValue(random) }),
  (request, random) => writeJson({ ...request, [mutateText(random, 'extensions')]: oddValue(random) }),
  request => writeJson({ ...request, extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } }),
  request => writeJson({ ...request, documentId: 'sha256:a' }),
  (_request, random) => writeJson(oddValue(random)),
  () => '',
];

/** Generates a request that depends on the random numbers and the pool only. */
export function generateRequest(random: Random, pool: Pool, run: number, number: number): GraphqlRequest {
  const kind = pick(random, [
    'query',
    'query',
    'query',
    'create',
    'create',
    'create',
    'delete',
    'subscription',
    'enhanced create',
    'bindings',
  ] as const);
  const isRepeat = kind === 'create' && pool.inputs.length > 0 && withProbability(random, SHARES.repeat);
  const isMutated = withProbability(random, SHARES.mutatedDocument);
  const input = kind === 'create' ? chooseInput(random, pool, run, number, isRepeat) : undefined;
  const id = kind === 'delete' ? chooseId(random, pool.ids) : undefined;
  const other = chooseOtherInput(random, kind, pool, run, number);
  const values = (argument: GraphQLArgument): unknown => {
    if (argument.name === 'input') return input ?? other ?? { id };
    // The stream would not end until all resources are bound.
    if (argument.name === 'untilBound' && kind === 'subscription') return undefined;
    return withProbability(random, SHARES.oddArgument)
      ? oddArgument(random, argument)
      : validValue(random, argument, pool);
  };
  // No inlined values if the document is mutated, because a changed literal would be another input.
  const grower = new DocumentGenerator(random, SCHEMA, values, !isMutated && !isOdd(input) && !isOdd(other));
  const grown = grower.grow(...rootFieldOf(random, kind));
  const request = isMutated ? { ...grown, query: mutateDocument(random, grown.query) } : grown;
  const body = withProbability(random, SHARES.oddBody)
    ? pick(random, ODD_BODIES)(asRecord(request), random)
    : writeJson(request);
  return {
    kind,
    body,
    headers: chooseHeaders(random, kind),
    query: readQuery(body),
    isMutated: isMutated || body !== writeJson(request),
    // As in JSON: the last of repeated keys counts, and __proto__ is a key like any other.
    input: input && (JSON.parse(writeJson(input)) as CreateInput),
    isFresh: input !== undefined && input['name'] === nameOf(run, number),
    id,
  };
}

function asRecord({ query, variables, operationName }: GrownDocument): Record<string, unknown> {
  return { query, variables, operationName };
}

function readQuery(body: string): string | undefined {
  try {
    const { query } = JSON.parse(body.replace(/^\ufeff/, '')) as { query?: unknown };
    return typeof query === 'string' ? query : undefined;
  } catch {
    return undefined;
  }
}

function rootFieldOf(random: Random, kind: GraphqlRequest['kind']): [OperationTypeNode, string] {
  if (kind === 'create') return [OperationTypeNode.MUTATION, 'createDatasourceConnection'];
  if (kind === 'delete') return [OperationTypeNode.MUTATION, 'deleteDatasourceConnection'];
  if (kind === 'enhanced create') return [OperationTypeNode.MUTATION, 'createEnhancedDatasourceConnection'];
  if (kind === 'bindings')
    return [OperationTypeNode.MUTATION, pick(random, ['bindDatasourceConnection', 'unbindDatasourceConnection'])];
  if (kind === 'subscription') return [OperationTypeNode.SUBSCRIPTION, 'datasourceConnection'];
  const fields = ['datasourceConnection', 'datasourceConnections', 'datasourceServices'];
  return [OperationTypeNode.QUERY, pick(random, fields)];
}

function chooseInput(random: Random, pool: Pool, run: number, number: number, isRepeat: boolean): CreateInput {
  if (isRepeat) return pick(random, pool.inputs);
  const input = createInput(random, run, number);
  if (pool.inputs.length > 0 && withProbability(random, SHARES.otherInput))
    return { ...input, idempotencyKey: pick(random, pool.inputs)['idempotencyKey'] };
  if (pool.names.length > 0 && withProbability(random, SHARES.sameName))
    return { ...input, name: pick(random, pool.names) };
  return withProbability(random, SHARES.mutatedInput) ? mutateInput(random, input) : input;
}

function chooseOtherInput(
  random: Random,
  kind: GraphqlRequest['kind'],
  pool: Pool,
  run: number,
  number: number,
): CreateInput | undefined {
  if (kind === 'bindings') return bindingsInput(random, chooseId(random, pool.enhancedIds));
  if (kind !== 'enhanced create') return undefined;
  if (pool.enhancedInputs.length > 0 && withProbability(random, SHARES.repeat))
    return pick(random, pool.enhancedInputs);
  const input = enhancedInput(random, run, number);
  if (typeof input['idempotencyKey'] === 'string') pool.enhancedInputs.push(input);
  return input;
}

function chooseId(random: Random, ids: readonly string[]): unknown {
  if (withProbability(random, SHARES.oddArgument)) return oddValue(random);
  if (ids.length === 0 || withProbability(random, 0.1)) return NO_ID;
  const id = pick(random, ids);
  return withProbability(random, 0.05) ? id.toUpperCase() : id;
}

function validValue(random: Random, { name }: GraphQLArgument, pool: Pool): unknown {
  if (name === 'id') return chooseId(random, pool.ids);
  if (withProbability(random, 0.5)) return undefined;
  if (name === 'waitSeconds') return withProbability(random, 0.02) ? MAX_WAIT_SECONDS : 0;
  if (name === 'whileState') return pick(random, STATES);
  if (name === 'after') return pool.cursors.length === 0 ? undefined : pick(random, pool.cursors);
  if (name === 'first') return integer(random, 1, 100);
  if (name === 'order') return pick(random, ['NAME', 'NEWEST_FIRST', 'OLDEST_FIRST']);
  if (name === 'untilBound') return someResources(random);
  if (name === 'name') return pick(random, ['node', 'é', '']);
  if (name === 'filter')
    return {
      ...pick(random, [{}, { kinds: ['ENHANCED'] }, { vpcId: NO_ID }, { readiness: ['READY', 'UNBOUND'] }]),
      ...(withProbability(random, 0.5) && { includeDeleted: withProbability(random, 0.5) }),
      ...pick(random, [{}, { name: null }, { name: 'fuzz' }, { name: 'é' }, { name: '' }]),
      ...pick(random, [{}, { services: null }, { services: ['RDS'] }, { services: 'CSS' }, { services: [] }]),
      ...pick(random, [{}, { states: null }, { states: STATES }, { states: 'ACTIVE' }, { states: [] }]),
    };
  throw new Error(`No value for the argument ${name}.`);
}

function oddArgument(random: Random, { name }: GraphQLArgument): unknown {
  if (name === 'waitSeconds') return pick(random, [-1, 26, 2 ** 31, null, '1', 0.5]);
  if (name === 'filter')
    return pick(random, [
      oddValue(random),
      { nothing: 1 },
      { states: Array(11).fill('ACTIVE') },
      { name: oddValue(random) },
    ]);
  return oddValue(random);
}

function chooseHeaders(random: Random, kind: GraphqlRequest['kind']): Record<string, string> {
  const odd = withProbability(random, SHARES.oddHeaders) ? pick(random, ODD_HEADERS) : {};
  const isStream = kind === 'subscription' ? withProbability(random, 0.7) : withProbability(random, SHARES.eventStream);
  return { 'content-type': JSON_TYPE, ...(isStream && { accept: 'text/event-stream' }), ...odd };
}

function isOdd(value: unknown): boolean {
  if (value instanceof RawText) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(isOdd);
}
