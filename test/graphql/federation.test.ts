import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { closeSubscribers, readAll, subscribe, WATCH } from '../helpers/subscribers.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const FEDERATION = { EXPLORER: 'none', FEDERATION: 'true' };
const NO_UUID = 'no-uuid';
const UNKNOWN = 'ee1a0f2c-96ae-2a9a-d3a4-f1ff5e8c2f1f';
const FORM =
  'A reference must have __typename, which is DatasourceConnection, ClassicDatasourceConnection or EnhancedDatasourceConnection, and id, a text.';
const ENTITIES = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on DatasourceConnection { id name state } }
}`;

const shared = shareGateway({ env: FEDERATION });
/** For tests in which cached reads must not expire. */
const withStillClock = shareGateway({ env: FEDERATION }, createManualClock());

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const referTo = (id: unknown) => ({ __typename: 'DatasourceConnection', id });

/** Sends references the way the gateway of a supergraph does. */
function ask(
  { send }: Pick<TestGateway, 'send'>,
  representations: unknown,
  headers?: Record<string, string>,
): Promise<GraphqlAnswer> {
  return send({ query: ENTITIES, variables: { representations } }, headers);
}

/** The codes of the errors of a response. */
function codesOf({ body }: GraphqlAnswer): string[] {
  return body.errors?.map(({ extensions }) => extensions.code) ?? [];
}

function seed({ emulator }: TestGateway, count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => emulator.seedConnection({ name: `c${index}`, state: 'ACTIVE' }).connectionId,
  );
}

async function readSdl({ send }: Pick<TestGateway, 'send'>): Promise<string> {
  const { body } = await send({ query: '{ _service { sdl } }' });
  const service = body.data?.['_service'] as { sdl: string };
  return service.sdl;
}

describe('the SDL for a supergraph', () => {
  it('is schema.graphql with connections as entities', async () => {
    const sdl = await readSdl(shared());
    const file = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    expect(sdl.split('\n\n')).toEqual([
      ...file
        .replace(/^#.*\n\n/, '')
        .trimEnd()
        .split('\n\n'),
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])',
      'extend interface DatasourceConnection @key(fields: "id")',
      'extend type ClassicDatasourceConnection @key(fields: "id")',
      'extend type EnhancedDatasourceConnection @key(fields: "id")',
      '',
    ]);
  });

  it.each([
    [{ EXPLORER: 'none' }, false],
    [{ EXPLORER: 'graphiql' }, true],
    [{ EXPLORER: 'graphiql', FEDERATION: 'false' }, false],
    [FEDERATION, true],
  ])('with %j is served: %s', async (env, isServed) => {
    const gateway = await startGateway({ env });
    const { status, body } = await gateway.send({ query: '{ _service { sdl } }' });
    expect({ status, code: body.errors?.[0]?.extensions.code }).toEqual(
      isServed ? { status: 200, code: undefined } : { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' },
    );
    expect((await ask(gateway, [])).body).toEqual(
      isServed ? { data: { _entities: [] } } : { errors: expect.arrayContaining([expect.anything()]) },
    );
  });

  it('is served even when introspection is disabled', async () => {
    const { send } = shared();
    expect((await send({ query: '{ __schema { queryType { name } } }' })).status).toBe(400);
  });

  it('is served only to authenticated callers, regardless of their roles', async () => {
    const gateway = await startTokenGateway(FEDERATION);
    const query = { query: '{ _service { sdl } }' };
    expect((await gateway.send(query)).status).toBe(401);
    const token = await gateway.sign({ claims: { scope: '' } });
    expect((await gateway.send(query, bearer(token))).body.data).toMatchObject({
      _service: { sdl: expect.any(String) },
    });
  });
});

describe('references to connections', () => {
  it('are resolved in order, by either type name; unknown ones become null without a call for each', async () => {
    const gateway = shared();
    const [first = '', second = ''] = seed(gateway, 2);
    const classic = { __typename: 'ClassicDatasourceConnection', id: first.toUpperCase() };
    const answer = await ask(gateway, [referTo(second), referTo(UNKNOWN), classic, referTo(NO_UUID), referTo(second)]);
    const shown = (id: string, name: string) => ({
      __typename: 'ClassicDatasourceConnection',
      id,
      name,
      state: 'ACTIVE',
    });
    expect(answer.body).toEqual({
      data: { _entities: [shown(second, 'c1'), null, shown(first, 'c0'), null, shown(second, 'c1')] },
    });
    expect(gateway.emulator.ledger.count('getConnection')).toBe(0);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
  });

  it('cost one call, no matter how many requests send them at the same time', async () => {
    const gateway = withStillClock();
    const references = seed(gateway, 100).map(referTo);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, references)));
    for (const { body } of answers) expect(body.data?.['_entities']).toHaveLength(100);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
    expect(gateway.emulator.ledger.count('getConnection')).toBe(0);
  });

  it('to a single connection read only that connection', async () => {
    const gateway = withStillClock();
    const [id = ''] = seed(gateway, 1);
    for (const references of [[referTo(id)], [referTo(id), referTo(id.toUpperCase())]])
      expect((await ask(gateway, references)).body.data?.['_entities']).toHaveLength(references.length);
    expect(gateway.emulator.ledger.count('getConnection')).toBe(1);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(0);
  });

  it('that are not UUIDs cause no call', async () => {
    const gateway = shared();
    const references = ['', NO_UUID, '../../v1.0', `${UNKNOWN}0`, '__proto__'].map(referTo);
    expect((await ask(gateway, references)).body).toEqual({ data: { _entities: Array(5).fill(null) } });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('show a connection that was just created or deleted', async () => {
    const gateway = await startGateway({ env: { ...FEDERATION, READ_FRESHNESS_MS: '60000' } });
    const [old = ''] = seed(gateway, 1);
    await ask(gateway, [referTo(old), referTo(UNKNOWN)]);
    const { connectionId = '' } = await gateway.create();
    const query = `mutation { deleteDatasourceConnection(input: { id: "${old}" }) { __typename } }`;
    await gateway.send({ query });
    const { body } = await ask(gateway, [referTo(old), referTo(connectionId)]);
    expect(body.data?.['_entities']).toMatchObject([{ id: old, state: 'DELETED' }, { id: connectionId }]);
  });

  it('need the read role', async () => {
    const gateway = await startTokenGateway(FEDERATION);
    const references = [referTo(UNKNOWN), referTo(NO_UUID)];
    expect((await ask(gateway, references)).status).toBe(401);
    const creator = await gateway.sign({ claims: { scope: 'dli:connection:create' } });
    expect(codesOf(await ask(gateway, references, bearer(creator)))).toEqual(['FORBIDDEN']);
    expect(gateway.emulator.ledger.count()).toBe(0);
    const reader = await gateway.sign({ claims: { scope: 'dli:connection:read' } });
    expect((await ask(gateway, references, bearer(reader))).body).toEqual({ data: { _entities: [null, null] } });
  });

  it('get the error of a read when DLI is unavailable', async () => {
    const gateway = shared();
    gateway.emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    gateway.emulator.inject({ operation: 'listEnhancedConnections', status: 500, times: 0 });
    expect(codesOf(await ask(gateway, [referTo(UNKNOWN), referTo(UNKNOWN.replace('e', 'f'))]))).toEqual([
      'UPSTREAM_UNAVAILABLE',
    ]);
  });
});

describe('malformed references', () => {
  it.each<[what: string, representation: unknown]>([
    ['an unknown type', { __typename: 'Dataset', id: UNKNOWN }],
    ['a type that is not an entity', { __typename: 'Query', id: UNKNOWN }],
    ['the name of an object property', { __typename: '__proto__', id: UNKNOWN }],
    ['a type that is not a string', { __typename: { id: 1 }, id: UNKNOWN }],
    ['no type', { id: UNKNOWN }],
    ['no id', { __typename: 'DatasourceConnection' }],
    ['null as id', referTo(null)],
    ['a number as id', referTo(7)],
    ['a list as id', referTo([UNKNOWN])],
    ['an object as id', referTo({ toString: 1 })],
    ['a text', UNKNOWN],
    ['a number', 7],
    ['a list', [referTo(UNKNOWN)]],
    ['an empty object', {}],
  ])('become errors in place while the others are resolved: %s', async (_what, representation) => {
    const gateway = shared();
    const [id = ''] = seed(gateway, 1);
    const { status, body } = await ask(gateway, [representation, referTo(id)]);
    expect({ status, data: body.data }).toMatchObject({ status: 200, data: { _entities: [null, { id }] } });
    expect(body.errors).toMatchObject([
      { message: FORM, path: ['_entities', 0], extensions: { code: 'BAD_USER_INPUT', traceId: expect.any(String) } },
    ]);
  });

  it.each<[what: string, representations: unknown]>([
    ['null', null],
    ['a list with null', [null]],
  ])('are refused as variables: %s', async (_what, representations) => {
    expect(codesOf(await ask(shared(), representations))).toEqual(['BAD_USER_INPUT']);
  });

  it('are also detected in the document itself', async () => {
    const answer = await shared().send({
      query: `{ _entities(representations: [{ __typename: "Dataset", id: 7 }, 7, { __typename: DatasourceConnection, id: "${UNKNOWN}" }]) { __typename } }`,
    });
    expect(answer.body.data).toEqual({ _entities: [null, null, null] });
    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT']);
  });

  it('are bounded: 100 are resolved, 101 refused, and 1,000 have too many values', async () => {
    const gateway = shared();
    const references = (count: number) => Array.from({ length: count }, () => referTo(NO_UUID));
    expect((await ask(gateway, references(100))).body.data?.['_entities']).toHaveLength(100);
    const tooMany = await ask(gateway, references(101));
    expect({ data: tooMany.body.data, codes: codesOf(tooMany) }).toEqual({ data: null, codes: ['BAD_USER_INPUT'] });
    expect(tooMany.body.errors?.[0]?.message).toBe('representations may have at most 100 items.');
    const farTooMany = await ask(gateway, references(1_000));
    expect({ status: farTooMany.status, codes: codesOf(farTooMany) }).toEqual({ status: 400, codes: ['BAD_REQUEST'] });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('a gateway that serves a supergraph', () => {
  it('executes operations as usual: inputs with defaults and enums, unions, and problems', async () => {
    const gateway = shared();
    expect(await gateway.create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(await gateway.create({ name: 'b', service: 'CSS', tags: [{ key: 'a', value: 'b' }] })).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
    });
    expect(await gateway.create({ name: '' })).toMatchObject({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
    });
    const query =
      '{ datasourceConnections(order: NAME, filter: { services: [CSS] }) { totalCount items { name createdAt ... on ClassicDatasourceConnection { service } } } }';
    const { body } = await gateway.send({ query });
    expect(body).toEqual({
      data: {
        datasourceConnections: {
          totalCount: 1,
          items: [{ name: 'b', service: 'CSS', createdAt: expect.stringMatching(/^\d{4}-.*Z$/) }],
        },
      },
    });
  });

  it.each(['graphql-ws', 'graphql-sse'] as const)('serves subscriptions: %s', async transport => {
    const gateway = shared();
    const [id = ''] = seed(gateway, 1);
    const request = { query: WATCH, variables: { id } };
    expect(await readAll(subscribe(transport, gateway.graphqlUrl, request))).toEqual([
      { data: { datasourceConnection: { id, name: 'c0', state: 'ACTIVE' } } },
    ]);
  });

  it.each([
    ['depth', '{ _entities(representations: []) { ... on DatasourceConnection { a { b { c { d { e { f } } } } } } } }'],
    [
      'aliases',
      `{ ${Array.from({ length: 16 }, (_, n) => `a${n}: _entities(representations: []) { __typename }`).join(' ')} }`,
    ],
  ])('applies the usual limits to documents: %s', async (_what, query) => {
    expect(codesOf(await shared().send({ query }))).toEqual(['OPERATION_TOO_COMPLEX']);
  });
});
