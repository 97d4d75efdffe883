import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../src/config/config.js';
import { printedRefusal, problemsWith } from '../helpers/config-problems.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';

const CREATE_ID = 'sha1-of-create-0001';
const SERVICES_ID = 'ee1a0f2c96ae2a9ad3a4f1ff5e8c2f1f2b3c4d5e6f708192a3b4c5d6e7f80910';
const SERVICES = 'query Services { datasourceServices { service } }';
const MANIFEST = { [CREATE_ID]: CREATE_MUTATION, [SERVICES_ID]: SERVICES };
const ONE_CREATE = 'createDatasourceConnection(input: $i) { __typename }';
const TWO_CREATES = `mutation ($i: CreateDatasourceConnectionInput!) { a: ${ONE_CREATE} b: ${ONE_CREATE} }`;
const VARIABLES = { input: VALID_INPUT };
const FORM = 'must name a JSON file that holds documents by their ids, such as {"<hash>": "<document>"}';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'documents-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;

function manifest(content: unknown): string {
  const path = join(folder, `manifest-${written++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('with a list of trusted documents', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ env: { TRUSTED_DOCUMENTS: manifest(MANIFEST) } });
  });
  afterAll(closeGateways);

  it.each<[how: string, request: object]>([
    ['its id', { documentId: SERVICES_ID }],
    ['its id with the algorithm as a prefix', { documentId: `sha256:${SERVICES_ID}` }],
    ['its id as Apollo clients send it', { extensions: { persistedQuery: { version: 1, sha256Hash: SERVICES_ID } } }],
    [
      'its id and its text, which Apollo clients send first',
      { query: SERVICES, extensions: { persistedQuery: { version: 1, sha256Hash: SERVICES_ID } } },
    ],
    ['its text', { query: SERVICES }],
  ])('one is executed by %s', async (_how, request) => {
    const { status, body } = await gateway.send({ operationName: 'Services', ...request });
    expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
    expect(body.data).toMatchObject({ datasourceServices: expect.arrayContaining([{ service: 'RDS' }]) });
  });

  it('a mutation is executed by its id, with variables', async () => {
    const { status, body } = await gateway.send({ documentId: CREATE_ID, variables: VARIABLES });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      createDatasourceConnection: { __typename: 'CreateDatasourceConnectionSuccess' },
    });
  });

  it.each<[what: string, request: object]>([
    ['another document', { query: '{ __typename }' }],
    ['a document with an additional space', { query: `${SERVICES} ` }],
    ['an unknown id', { documentId: 'unknown' }],
    ['an unknown hash', { extensions: { persistedQuery: { version: 1, sha256Hash: 'unknown' } } }],
    ['the name of an object property', { documentId: '__proto__' }],
    ['an id that is not a string', { documentId: 7 }],
    ['a known id with another document', { documentId: SERVICES_ID, query: '{ __typename }' }],
    [
      'a known hash of another document',
      { query: '{ __typename }', extensions: { persistedQuery: { version: 1, sha256Hash: SERVICES_ID } } },
    ],
    ['an introspection query', { query: '{ __schema { queryType { name } } }' }],
    ['a document that cannot be parsed', { query: '{' }],
  ])('other documents are refused: %s', async (_what, request) => {
    const { status, headers, body } = await gateway.send({ variables: VARIABLES, ...request });
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        errors: [
          {
            message: 'Only documents that are listed at this gateway are executed. Send the id or the text of one.',
            extensions: { code: 'DOCUMENT_NOT_TRUSTED', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
  });

  it.each<[what: string, request: unknown]>([
    ['an empty object', {}],
    ['a batch', [{ documentId: SERVICES_ID }]],
    ['null', 'null'],
  ])('a request without a document is still a bad request: %s', async (_what, request) => {
    const { status, body } = await gateway.send(request);
    expect({ status, code: body.errors?.[0]?.extensions.code }).toEqual({ status: 400, code: 'BAD_REQUEST' });
  });

  it('there is no explorer, even in development', async () => {
    const { graphqlUrl } = await startGateway({
      env: { NODE_ENV: 'development', TRUSTED_DOCUMENTS: manifest(MANIFEST) },
    });
    expect((await fetch(graphqlUrl, { headers: { accept: 'text/html' } })).status).toBe(400);
  });
});

describe('without a list of trusted documents', () => {
  afterEach(closeGateways);

  it('ids are unknown, and any document is executed', async () => {
    const { send } = await startGateway();
    expect((await send({ query: '{ __typename }' })).status).toBe(200);
    expect((await send({ documentId: SERVICES_ID })).body.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });
});

describe('a list of trusted documents is refused at startup when', () => {
  afterEach(closeGateways);

  it.each([
    ['it does not exist', () => join(folder, 'canary')],
    ['it is not JSON', () => manifest('{"canary"')],
    ['it is a list', () => manifest([SERVICES])],
    ['it has documents in the wrong form', () => manifest({ canary: { document: SERVICES } })],
    ['it has an empty document', () => manifest({ canary: '' })],
    ['it has an id with a space', () => manifest({ 'canary id': SERVICES })],
  ])('%s', (_what, pathOf) => {
    const changes = { TRUSTED_DOCUMENTS: pathOf() };
    expect(problemsWith(changes)).toEqual([{ key: 'TRUSTED_DOCUMENTS', rule: FORM }]);
    expect(printedRefusal({ ...changes, CALLER_AUTH: 'x' })).not.toMatch(/canary|documents-/);
  });

  it('an explorer is configured too', () => {
    expect(problemsWith({ EXPLORER: 'graphiql', TRUSTED_DOCUMENTS: manifest(MANIFEST) })).toEqual([
      { key: 'TRUSTED_DOCUMENTS', rule: 'leaves no document for an explorer: EXPLORER must be none' },
    ]);
  });

  it('the gateway also serves a supergraph, whose documents are not known in advance', () => {
    expect(problemsWith({ FEDERATION: 'true', TRUSTED_DOCUMENTS: manifest(MANIFEST) })).toEqual([
      { key: 'TRUSTED_DOCUMENTS', rule: 'leaves no document for a supergraph: FEDERATION must not be true' },
    ]);
  });

  it.each([
    ['an unknown field', '{ canary }', 'it breaks the rule FieldsOnCorrectTypeRule, at line 1, column 3'],
    [
      'an unknown directive',
      '{\n  __typename @canary\n}',
      'it breaks the rule KnownDirectivesRule, at line 2, column 14',
    ],
    [
      'an invalid value',
      '{ datasourceConnections(first: "canary") { totalCount } }',
      'it breaks the rule ValuesOfCorrectTypeRule, at line 1, column 32',
    ],
    ['invalid GraphQL', '{ a } canary', 'it is not valid GraphQL, or longer than 1,000 tokens, at line 1, column 7'],
    [
      'too many tokens',
      `{ ${'__typename '.repeat(1_000)} }`,
      'it is not valid GraphQL, or longer than 1,000 tokens, at line 1, column 10992',
    ],
    [
      'two mutations',
      TWO_CREATES,
      'A request may hold one mutation field. Send each mutation in a request of its own.',
    ],
    [
      'the schema',
      '{ __schema { queryType { name } } }',
      'it breaks the rule NoSchemaIntrospectionCustomRule, at line 1, column 3',
    ],
    [
      'too many aliases',
      `{ ${Array.from({ length: 16 }, (_, n) => `canary${n}: __typename`).join(' ')} }`,
      'The number of aliases may be at most 15.',
    ],
    ['too many characters', `{ __typename }${' '.repeat(15_000)}`, 'it is longer than 15,000 characters'],
  ])('a document has %s, and names its id and the rule but not its text', async (_what, document, problem) => {
    const path = manifest({ ...MANIFEST, 'id-of-bad-one': document });
    const error = await startGateway({ env: { TRUSTED_DOCUMENTS: path } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems).toEqual([
      { key: 'TRUSTED_DOCUMENTS', rule: `holds a document that is refused, id-of-bad-one: ${problem}` },
    ]);
  });

  it.each([
    ['all of them', 20, []],
    ['the first 20, and the number of others', 23, ['holds more documents that are refused: 3']],
  ])('several documents are invalid, and names %s', async (_what, count, others) => {
    const ids = Array.from({ length: count }, (_, index) => `bad-${index}`);
    const documents = { ...Object.fromEntries(ids.map(id => [id, '{ canary }'])), ...MANIFEST };
    const env = { TRUSTED_DOCUMENTS: manifest(documents) };
    const error = await startGateway({ env }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    const rule = 'it breaks the rule FieldsOnCorrectTypeRule, at line 1, column 3';
    expect((error as ConfigError).problems.map(problem => problem.rule)).toEqual([
      ...ids.slice(0, 20).map(id => `holds a document that is refused, ${id}: ${rule}`),
      ...others,
    ]);
  });
});
