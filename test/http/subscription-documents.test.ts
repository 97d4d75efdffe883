import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';
import { closeSubscribers, readAll, socketClient, subscribe, WATCH } from '../helpers/subscribers.js';

const ID = 'ee1a0f2c96ae2a9ad3a4f1ff5e8c2f1f2b3c4d5e6f708192a3b4c5d6e7f80910';
const NOTHING = [{ data: { datasourceConnection: null } }];
const VARIABLES = { id: 'none' };
const BY_HASH = { extensions: { persistedQuery: { version: 1, sha256Hash: ID } } };

const folder = mkdtempSync(join(tmpdir(), 'documents-'));
const manifest = join(folder, 'manifest.json');
writeFileSync(manifest, JSON.stringify({ [ID]: WATCH }));

const shared = shareGateway({ env: { EXPLORER: 'none' } });
const trusting = shareGateway({ env: { TRUSTED_DOCUMENTS: manifest } });

afterEach(closeSubscribers);
afterAll(() => rmSync(folder, { recursive: true }));

describe('with a list of trusted documents, over a WebSocket', () => {
  it.each([
    ['its text', { query: WATCH }],
    ['its hash', { query: '', ...BY_HASH }],
    ['its id', { query: '', documentId: ID }],
  ])('accepts one by %s', async (_how, request) => {
    const url = trusting().graphqlUrl;
    expect(await readAll(subscribe('graphql-ws', url, { ...request, variables: VARIABLES }))).toEqual(NOTHING);
  });

  it.each([
    ['another document', { query: 'subscription { datasourceConnection(id: "a") { name } }' }],
    ['an unknown id', { query: '', documentId: 'unknown' }],
    ['another document with a known hash', { query: '{ __typename }', ...BY_HASH }],
  ])('refuses anything else: %s', async (_what, request) => {
    const url = trusting().graphqlUrl;
    expect(await readAll(subscribe('graphql-ws', url, { ...request, variables: VARIABLES }))).toMatchObject([
      { errors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }] },
    ]);
  });
});

describe('with a list of trusted documents, as an event stream', () => {
  it('accepts one by its hash and refuses anything else', async () => {
    const url = trusting().graphqlUrl;
    const post = (body: object) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
        body: JSON.stringify({ ...body, variables: VARIABLES }),
      });
    expect(await (await post(BY_HASH)).text()).toContain(JSON.stringify(NOTHING[0]));
    const refused = await post({ query: 'subscription { datasourceConnection(id: "a") { name } }' });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }],
    });
  });
});

it.each(['graphql-ws', 'graphql-sse'] as const)(
  'an empty operationName counts as no operation name with %s',
  async transport => {
    const { graphqlUrl } = shared();
    const request = { query: WATCH, operationName: '', variables: VARIABLES };

    expect(await readAll(subscribe(transport, graphqlUrl, request))).toEqual(NOTHING);
  },
);

describe('over a WebSocket, as over HTTP', () => {
  it('introspection is disabled without an explorer', async () => {
    const { graphqlUrl } = shared();
    const query = `${WATCH} query Schema { __schema { queryType { name } } }`;
    const request = { query, operationName: 'Watch', variables: VARIABLES };
    const received = await readAll(subscribe('graphql-ws', graphqlUrl, request));
    expect(received[0]?.errors?.[0]).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } });
    expect(received[0]?.errors?.[0]?.message).toMatch(/introspection/i);
  });

  it.each([
    ['JSON that is nested too deep', { query: WATCH, variables: nested(25) }, 'BAD_REQUEST'],
    ['a document that is too long', { query: `${WATCH}${' '.repeat(15_000)}` }, 'OPERATION_TOO_COMPLEX'],
  ])('%s is refused', async (_what, request, code) => {
    const { graphqlUrl } = shared();
    const received = await readAll(subscribe('graphql-ws', graphqlUrl, request));
    expect(received).toMatchObject([{ errors: [{ extensions: { code } }] }]);
  });

  it.each([
    [
      'a condition that is a variable',
      'subscription ($a: Boolean!) { datasourceConnection(id: "a") @skip(if: $a) { id } }',
    ],
    ['a condition without a value', 'subscription { datasourceConnection(id: "a") @include { id } }'],
    [
      'a condition in a fragment',
      'subscription ($a: Boolean!) { ...A } fragment A on Subscription { ... @include(if: $a) { datasourceConnection(id: "a") { id } } }',
    ],
  ])('a subscription that may skip its field is refused, and is no internal error: %s', async (_what, query) => {
    const gateway = shared();
    const refused = [{ errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] }];
    const request = { query, variables: { a: true } };
    for (const transport of ['graphql-ws', 'graphql-sse'] as const)
      expect(await readAll(subscribe(transport, gateway.graphqlUrl, request))).toMatchObject(refused);
    const { status, body } = await gateway.send(request);
    expect({ status, body }).toMatchObject({ status: 400, body: refused[0] });
    expect(gateway.log()).not.toContain('"level":50');
  });

  it('several subscriptions share one socket', async () => {
    const { graphqlUrl } = shared();
    const client = socketClient(graphqlUrl);
    const both = ['a', 'b'].map(id => readAll(client.iterate({ query: WATCH, variables: { id } }) as never));
    expect(await Promise.all(both)).toEqual([NOTHING, NOTHING]);
  });
});

function nested(levels: number): Record<string, unknown> {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}
