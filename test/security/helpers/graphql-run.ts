import { NoSchemaIntrospectionCustomRule, parse, specifiedRules, validate } from 'graphql';
import { DOCUMENT_LIMIT_ERRORS, PARSE_OPTIONS } from '../../../src/graphql/document-limits.js';
import { DELETED } from '../../helpers/deletion.js';
import type { Payload, TestGateway } from '../../helpers/gateway.js';
import { inParallel } from '../../helpers/in-parallel.js';
import type { TextResponse } from '../../helpers/post.js';
import { post } from '../../helpers/post.js';
import type { Random } from '../../helpers/random.js';
import { pick, randomOf } from '../../helpers/random.js';
import type { CreateFault } from '../../proof/helpers/fault-alphabet.js';
import { CREATE_FAULTS } from '../../proof/helpers/fault-alphabet.js';
import { CreateCalls, payloadIn } from './create-calls.js';
import type { Answer } from './graphql-answers.js';
import { findAnswerProblem } from './graphql-answers.js';
import type { GraphqlRequest, Pool } from './graphql-requests.js';
import { generateRequest, SCHEMA } from './graphql-requests.js';
import { withProbability } from './odd-values.js';
import type { Tally } from './tally.js';
import { countUp } from './tally.js';

// More would not find more, but would make a machine with two cores miss deadlines.
const AT_A_TIME = 15;
const STATUSES = [200, 400, 406, 413, 415, 429];
const CONTENT_TYPE = /^(?:application\/json|application\/graphql-response\+json|text\/event-stream); charset=utf-8$/;
const CHANCES = { createFault: 0.2, secondFault: 0.3, deleteFault: 0.25, getFault: 0.03 };
/** Time within which an unknown create is decided. */
const RESOLUTION_MS = 3_000;
const MAX_PRINTED = 1_000;
/** Messages of refusals of documents that graphql-js may consider valid. */
const LIMITS: ReadonlySet<string> = new Set(Object.values(DOCUMENT_LIMIT_ERRORS).map(({ message }) => message));
/** Payloads after which a connection may have been deleted. */
const DELETIONS = [DELETED, 'DeleteOutcomeUnknownError'];

const NAME_TAKEN: CreateFault = { fault: { error: 'DLI.0006' }, proves: 'NOT_EXECUTED' };
const QUICK_CREATE_FAULTS = [
  ...CREATE_FAULTS.filter(({ fault }) => fault.behaviour !== 'hang' && (fault.dripMs ?? 0) < 50),
  ...[NAME_TAKEN, NAME_TAKEN, NAME_TAKEN, NAME_TAKEN, NAME_TAKEN],
];
const DELETE_FAULTS = [
  { error: 'DLI.0009' },
  { error: 'APIGW.0308' },
  { status: 500 },
  { status: 500, apply: true },
  { behaviour: 'reset', apply: true },
  { behaviour: 'reset', apply: false },
  { behaviour: 'truncate', apply: true },
] as const;
const GET_FAULTS = [
  { status: 500 },
  { error: 'APIGW.0308' },
  { behaviour: 'close' },
  { status: 200, body: '{' },
] as const;

const ENHANCED_FAULTS = [
  { status: 500 },
  { error: 'APIGW.0308' },
  { error: 'DLI.1028' },
  { behaviour: 'reset', apply: true },
  { behaviour: 'reset', apply: false },
] as const;

/** Sends generated requests to a gateway, and checks every response and the resulting connections. */
export class GraphqlRun {
  readonly #pool: Pool = {
    inputs: [],
    names: [],
    enhancedInputs: [],
    ids: [],
    enhancedIds: [],
    cursors: [],
  };
  readonly #creates = new CreateCalls();
  readonly #deletes: { id: string; payload: Payload }[] = [];
  readonly #unclearDeletes = new Set<string>();
  readonly #problems: string[] = [];

  /**
   * @param number a number below 100 that no other run with this gateway has
   * @param tally gets the counts of responses
   */
  constructor(
    private readonly gateway: TestGateway,
    private readonly seed: string,
    private readonly number: number,
    private readonly tally: Tally,
  ) {}

  /** Sends this many requests; returns the problems of the responses, as sentences. */
  async send(requests: number): Promise<string[]> {
    const { emulator, graphqlUrl } = this.gateway;
    emulator.reset();
    const numbers = Array.from({ length: requests }, (_, index) => index);
    await inParallel(numbers, AT_A_TIME, number => this.#sendOne(number));
    emulator.clearFaults();
    await this.#creates.finish(graphqlUrl, RESOLUTION_MS, emulator);
    return [
      ...this.#problems,
      ...this.#creates.contradictions(emulator),
      ...this.#contradictedDeletes(),
      ...this.#enhancedContradictions(),
    ];
  }

  async #sendOne(number: number): Promise<void> {
    const random = randomOf(`${this.seed}/${this.number}/${number}`);
    const request = generateRequest(random, this.#pool, this.number, number);
    this.#injectFaults(random, request);
    const startedAtMs = Date.now();
    let response: TextResponse;
    try {
      response = await post(this.gateway.graphqlUrl, request.body, request.headers);
    } catch (error) {
      this.#problem(number, request, `no response: ${(error as Error).cause}`);
      return;
    }
    const times = { startedAtMs, endedAtMs: Date.now() };
    for (const answer of this.#readAnswers(number, request, response)) {
      const problem = findAnswerProblem(SCHEMA, answer, request.query) ?? findContradiction(answer as Answer, request);
      if (problem === undefined) this.#note(request, answer as Answer, times);
      else this.#problem(number, request, `the answer ${problem}: ${response.text}`);
    }
  }

  #injectFaults(random: Random, { kind, input, isFresh }: GraphqlRequest): void {
    const { emulator } = this.gateway;
    if (kind === 'delete' && withProbability(random, CHANCES.deleteFault))
      emulator.inject({ ...pick(random, DELETE_FAULTS), operation: 'deleteConnection' });
    if (kind === 'enhanced create' && withProbability(random, CHANCES.createFault))
      emulator.inject({ ...pick(random, ENHANCED_FAULTS), operation: 'createEnhancedConnection' });
    if (kind === 'bindings' && withProbability(random, CHANCES.createFault))
      emulator.inject({ ...pick(random, ENHANCED_FAULTS), operation: 'associateQueue' });
    if (withProbability(random, CHANCES.getFault))
      emulator.inject({ ...pick(random, GET_FAULTS), operation: 'getConnection' });
    if (input === undefined) return;
    const faults = isFresh && withProbability(random, CHANCES.createFault) ? [pick(random, QUICK_CREATE_FAULTS)] : [];
    if (faults.length > 0 && withProbability(random, CHANCES.secondFault))
      faults.push(pick(random, QUICK_CREATE_FAULTS));
    const name = String(input['name']);
    for (const { fault } of faults) emulator.inject({ ...fault, operation: 'createConnection', name });
    if (isFresh) this.#creates.plan(input, faults);
    if (isFresh && faults.length === 0) this.#pool.names.push(name);
    if (isFresh && typeof input['idempotencyKey'] === 'string') this.#pool.inputs.push(input);
  }

  /** The answers in a response: a single one, or those of an event stream. */
  #readAnswers(number: number, request: GraphqlRequest, { status, headers, text }: TextResponse): unknown[] {
    const type = headers.get('content-type') ?? '';
    if (!STATUSES.includes(status)) this.#problem(number, request, `status ${status}: ${text}`);
    if (!CONTENT_TYPE.test(type)) this.#problem(number, request, `content type ${type}`);
    countUp(this.tally, `status ${status}`);
    try {
      return type.startsWith('text/event-stream') ? readEvents(text) : [JSON.parse(text)];
    } catch (error) {
      this.#problem(number, request, `${error}: ${text}`);
      return [];
    }
  }

  /** Counts an answer, and keeps what will be compared with the emulator at the end. */
  #note(request: GraphqlRequest, answer: Answer, times: { startedAtMs: number; endedAtMs: number }): void {
    for (const { extensions } of answer.errors ?? []) countUp(this.tally, extensions.code);
    const { data } = answer;
    if (data == null) return;
    countUp(this.tally, `data of ${request.kind}`);
    const payload = payloadIn(data);
    if (payload === undefined) return;
    const page = payload as { nextCursor?: unknown };
    if (typeof page.nextCursor === 'string') this.#pool.cursors.push(page.nextCursor);
    if (request.kind === 'query' || request.kind === 'subscription') return;
    // A mutated document may not select `__typename`.
    if (payload.__typename === undefined) {
      if (request.input !== undefined) this.#creates.addUnclear(request.input);
      if (request.kind === 'delete') this.#unclearDeletes.add(String(request.id).toLowerCase());
      return;
    }
    countUp(this.tally, payload.code === undefined ? payload.__typename : `payload ${payload.code}`);
    if (payload.connectionId !== undefined && request.kind === 'create') this.#pool.ids.push(payload.connectionId);
    if (payload.connectionId !== undefined && request.kind === 'enhanced create') {
      this.#pool.ids.push(payload.connectionId);
      this.#pool.enhancedIds.push(payload.connectionId);
    }
    if (request.kind === 'delete') this.#deletes.push({ id: String(request.id).toLowerCase(), payload });
    else if (request.input !== undefined && payload.__typename !== 'InvalidInputError')
      this.#creates.add(request.input, { ...times, payload });
  }

  /** Deletes whose payload contradicts the emulator, as sentences. */
  #contradictedDeletes(): string[] {
    const { emulator } = this.gateway;
    const isDeleted = new Map([
      ...emulator.connections().map(({ connectionId, state }) => [connectionId, state === 'DELETED'] as const),
      ...emulator
        .enhancedConnections()
        .map(({ connectionId, status }) => [connectionId, status === 'DELETED'] as const),
    ]);
    const mayBeDeleted = new Set(this.#unclearDeletes);
    const found: string[] = [];
    for (const { id, payload } of this.#deletes) {
      if (DELETIONS.includes(payload.__typename)) mayBeDeleted.add(id);
      if (payload.__typename === DELETED && (payload.connectionId?.toLowerCase() !== id || isDeleted.get(id) !== true))
        found.push(`${id}: a delete of it succeeded, but it was not deleted: ${JSON.stringify(payload)}`);
      if (payload.code === 'CONNECTION_NOT_FOUND' && isDeleted.get(id) === false)
        found.push(`${id}: it was not found, but exists`);
    }
    for (const [id, deleted] of isDeleted)
      if (deleted && !mayBeDeleted.has(id))
        found.push(`${id}: it was deleted, although no response says that it may be`);
    return found;
  }

  /** Enhanced connections that were created twice, or reported as created but not created, as sentences. */
  #enhancedContradictions(): string[] {
    const connections = this.gateway.emulator.enhancedConnections();
    const ids = new Set(connections.map(({ connectionId }) => connectionId));
    const names = connections.map(({ name }) => name);
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    const missing = this.#pool.enhancedIds.filter(id => !ids.has(id));
    return [
      ...twice.map(name => `${name}: it was created twice`),
      ...missing.map(id => `${id}: its create succeeded, but it does not exist`),
    ];
  }

  #problem(number: number, request: GraphqlRequest, problem: string): void {
    const sent = JSON.stringify(request).slice(0, MAX_PRINTED);
    this.#problems.push(`request ${this.number}/${number}, ${problem.slice(0, MAX_PRINTED)}; sent ${sent}`);
  }
}

/** The answers in the events of a stream, which must end as the protocol requires. */
function readEvents(text: string): unknown[] {
  const events = text.split('\n\n').filter(event => event !== '' && !event.startsWith(':'));
  if (!/^event: complete\b/.test(events.pop() ?? '')) throw new Error('The stream does not end with "complete"');
  return events.map(event => {
    const [, data] = /^event: next\ndata: (.*)$/.exec(event) ?? [];
    if (data === undefined) throw new Error(`Not an event: ${event}`);
    return JSON.parse(data);
  });
}

/** Describes how an answer contradicts graphql-js's validation of the document; undefined if it does not. */
function findContradiction({ data, errors = [] }: Answer, { query, isMutated }: GraphqlRequest): string | undefined {
  const codes = errors.map(({ extensions }) => extensions.code);
  if (query === undefined) return undefined;
  if (errors.some(({ message }) => LIMITS.has(message))) return undefined;
  const isRefused = codes.some(code => ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED'].includes(code));
  // Generated documents are valid before they are mutated. Validating them all would double the duration of the test.
  if (!isRefused && (data === undefined || !isMutated)) return undefined;
  const invalidity = findInvalidity(query);
  if (isRefused) return invalidity === undefined ? 'refuses a valid document' : undefined;
  return invalidity === undefined || data === null ? undefined : `has data for an invalid document: ${invalidity}`;
}

function findInvalidity(query: string): string | undefined {
  try {
    const document = parse(query, PARSE_OPTIONS);
    return validate(SCHEMA, document, [...specifiedRules, NoSchemaIntrospectionCustomRule])[0]?.message;
  } catch (error) {
    return String(error);
  }
}
