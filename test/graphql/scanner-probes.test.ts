import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';

/** A response as a GraphQL scanner evaluates it. */
interface Answer {
  status: number;
  contentType: string | null;
  text: string;
  /** Undefined when the text is not JSON. */
  json: { data?: Record<string, unknown> | null; errors?: { extensions?: object }[]; extensions?: object } | undefined;
}

/** One probe: whether an endpoint has a weakness that the public scanner graphql-cop reports. */
type Probe = (url: string) => Promise<boolean>;

const TYPE_NAME = '{ __typename }';
const names = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, n) => part(n)).join(' ');
const hasData = ({ json }: Answer) => json?.data !== undefined && json.data !== null;

/** The active checks of graphql-cop and of its older versions, by what they report. */
const PROBES: Readonly<Record<string, Probe>> = {
  'alias overloading': async url =>
    hasData(await post(url, { query: `query { ${names(101, n => `alias${n}: __typename`)} }` })),
  'array batching': async url => (await post(url, Array(10).fill({ query: TYPE_NAME }))).status === 200,
  'directive overloading': async url => {
    const { json } = await post(url, { query: 'query { __typename @aa@aa@aa@aa@aa@aa@aa@aa@aa@aa }' });
    return json?.errors?.length === 10;
  },
  'field duplication': async url => hasData(await post(url, { query: `query { ${names(500, () => '__typename')} }` })),
  'circular introspection': async url =>
    hasData(
      await post(url, {
        query:
          'query { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }',
      }),
    ),
  'circular fragment': async url => {
    const { json } = await post(url, {
      query: '{ __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }',
    });
    return json?.errors === undefined;
  },
  'queries by GET': async url =>
    hasData(await send(`${url}?query=${encodeURIComponent(TYPE_NAME)}`, { method: 'GET' })),
  'mutations by GET': async url =>
    hasData(await send(`${url}?query=${encodeURIComponent('mutation { __typename }')}`, { method: 'GET' })),
  'queries by form': async url =>
    hasData(await send(url, { method: 'POST', body: new URLSearchParams({ query: TYPE_NAME }) })),
  'queries by the address of a POST': async url =>
    hasData(await send(`${url}?query=${encodeURIComponent(TYPE_NAME)}`, { method: 'POST' })),
  'field suggestions': async url =>
    /did you mean/i.test(
      (await post(url, { query: 'query { __schema { directive } }' })).text +
        (await post(url, { query: '{ datasourceService }' })).text,
    ),
  explorer: async url => {
    const paths = ['/graphiql', '/playground', '/console', '/graphql', '/', '/altair', '/voyager'];
    const pages = await Promise.all(
      paths.map(path => send(new URL(path, url).href, { method: 'GET', headers: { accept: 'text/html' } })),
    );
    return pages.some(
      ({ contentType, text }) => contentType?.includes('html') === true || /graphiql|playground/i.test(text),
    );
  },
  tracing: async url => {
    const headers = { 'apollo-federation-include-trace': 'ftv1', 'x-apollo-tracing': '1' };
    const { text, json } = await post(url, { query: TYPE_NAME }, headers);
    return json?.extensions !== undefined || /stacktrace|tracing/i.test(text);
  },
  'unhandled errors': async url => {
    const { text, json } = await post(url, { query: 'qwerty cop { abc }' });
    return json === undefined || /exception|stacktrace|node_modules/i.test(text);
  },
  introspection: async url => hasData(await post(url, { query: '{ __schema { types { name } } }' })),
};

async function send(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const contentType = response.headers.get('content-type');
  const isJson = contentType?.startsWith('application/json') === true;
  return { status: response.status, contentType, text, json: isJson ? JSON.parse(text) : undefined };
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function findings(gateway: TestGateway): Promise<string[]> {
  const found: string[] = [];
  for (const [name, probe] of Object.entries(PROBES)) if (await probe(gateway.graphqlUrl)) found.push(name);
  return found;
}

describe('a scanner finds', () => {
  afterEach(closeGateways);

  it('nothing in production', async () => {
    const gateway = await startGateway({ env: { NODE_ENV: 'production' } });
    expect(await findings(gateway)).toEqual([]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('only the explorer and what it needs in development', async () => {
    const gateway = await startGateway({ env: { NODE_ENV: 'development' } });
    expect(await findings(gateway)).toEqual(['explorer', 'introspection']);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('one request with', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(closeGateways);

  it.each([2, 16, 101, 1_000])('%d creates under aliases is refused, and none is sent', async count => {
    const creates = names(count, n => `c${n}: createDatasourceConnection(input: $i) { __typename }`);
    const query = `mutation ($i: CreateDatasourceConnectionInput!) { ${creates} }`;
    const { status, json } = await post(gateway.graphqlUrl, { query, variables: { input: VALID_INPUT } });
    expect({ status, data: json?.data }).toEqual({ status: 400, data: undefined });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('creates in a batch is refused, and none is sent', async () => {
    const create = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
    const { status, json } = await post(gateway.graphqlUrl, [create, create]);
    expect({ status, data: json?.data }).toEqual({ status: 400, data: undefined });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});
