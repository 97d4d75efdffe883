import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';

const KEY = 'order-4711-attempt-1';
const KEY_REUSED = {
  __typename: 'IdempotencyKeyReusedError',
  code: 'IDEMPOTENCY_KEY_REUSED',
  message: 'The idempotency key was used with another input. Use a new key for a new connection.',
};
const TAGS = [
  { key: 'team', value: 'data' },
  { key: 'stage', value: 'test' },
];
const WITH_CLUSTER = { clusterName: 'cluster_1', tags: TAGS };

// Shared by all tests, each of which uses new keys.
let gateway: TestGateway;
let count = 0;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(closeGateways);

/** Creates once with each input under one new key; returns both answers and how many creates DLI received. */
async function createTwice(first: Record<string, unknown>, second: Record<string, unknown>) {
  const { create, emulator } = gateway;
  count += 1;
  const own = { name: `orders_${count}`, idempotencyKey: `${KEY}-${count}` };
  const before = emulator.ledger.count('createConnection');
  const answers = [await create({ ...own, ...first }), await create({ ...own, ...second })];
  return { answers, posts: emulator.ledger.count('createConnection') - before };
}

describe('a reused key with an equivalent input', () => {
  it.each<[what: string, first: Record<string, unknown>, second: Record<string, unknown>]>([
    ['fields in another order', WITH_CLUSTER, Object.fromEntries(Object.entries(WITH_CLUSTER).reverse())],
    ['clusterName null instead of absent', {}, { clusterName: null }],
    ['clusterName absent instead of null', { clusterName: null }, {}],
    ['tags null instead of absent', {}, { tags: null }],
    ['tags empty instead of absent', {}, { tags: [] }],
    ['tags empty instead of null', { tags: null }, { tags: [] }],
    ['a single tag instead of a list', { tags: TAGS.slice(0, 1) }, { tags: TAGS[0] }],
    ['fields of a tag in another order', { tags: TAGS.slice(0, 1) }, { tags: [{ value: 'data', key: 'team' }] }],
  ])('gets the same answer: %s', async (_what, first, second) => {
    const { answers, posts } = await createTwice(first, second);
    expect(answers[0]?.__typename).toBe('CreateDatasourceConnectionSuccess');
    expect(answers[1]).toEqual(answers[0]);
    expect(posts).toBe(1);
  });

  it('gets the same answer: literals in the document instead of variables', async () => {
    const { send, emulator } = gateway;
    const input = { ...VALID_INPUT, name: 'literal', idempotencyKey: `${KEY}-literal` };
    const first = await send({ query: CREATE_MUTATION, variables: { input } });
    const literal = JSON.stringify(input)
      .replace(/"(\w+)":/g, '$1: ')
      .replace('"RDS"', 'RDS');
    const query = CREATE_MUTATION.replace('mutation Create($input: CreateDatasourceConnectionInput!)', 'mutation');
    const second = await send({ query: query.replace('$input', literal) });
    expect(second.body).toEqual(first.body);
    expect(emulator.connections().filter(({ name }) => name === 'literal')).toHaveLength(1);
  });
});

describe('a reused key with another input', () => {
  it.each<[what: string, second: Record<string, unknown>]>([
    ['another name', { name: 'orders_other' }],
    ['the name in upper case', { name: 'ORDERS' }],
    ['another service', { service: 'CSS' }],
    ['another security group', { securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdc' }],
    ['the security group in another case', { securityGroupId: 'A07AB107-a4ad-4835-ad09-08a2f2efccdb' }],
    ['another network', { networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecc' }],
    ['another host', { url: '192.168.0.13:5432' }],
    ['another port', { url: '192.168.0.12:5433' }],
    ['another cluster', { ...WITH_CLUSTER, clusterName: 'cluster_2' }],
    ['no cluster', { ...WITH_CLUSTER, clusterName: null }],
    ['another value of a tag', { ...WITH_CLUSTER, tags: [{ key: 'team', value: 'ops' }, TAGS[1]] }],
    ['another key of a tag', { ...WITH_CLUSTER, tags: [{ key: 'crew', value: 'data' }, TAGS[1]] }],
    ['one tag fewer', { ...WITH_CLUSTER, tags: TAGS.slice(1) }],
    ['one tag more', { ...WITH_CLUSTER, tags: [...TAGS, { key: 'cost', value: '' }] }],
    ['no tags', { ...WITH_CLUSTER, tags: [] }],
    ['another order of tags', { ...WITH_CLUSTER, tags: TAGS.toReversed() }],
  ])('is refused, and nothing is sent: %s', async (_what, second) => {
    const { answers, posts } = await createTwice(WITH_CLUSTER, { ...WITH_CLUSTER, ...second });
    expect(answers).toEqual([expect.objectContaining({ __typename: 'CreateDatasourceConnectionSuccess' }), KEY_REUSED]);
    expect(posts).toBe(1);
  });

  it('is refused for another order of hosts, which is part of the address', async () => {
    const tables = { service: 'CLOUD_TABLE', url: 'zk1:2181,zk2:2181' };
    const { answers } = await createTwice(tables, { ...tables, url: 'zk2:2181,zk1:2181' });
    expect(answers[1]).toEqual(KEY_REUSED);
  });
});

describe('an idempotency key', () => {
  it.each([
    ['that is empty', '', 'TOO_SHORT'],
    ['of 15 characters', 'k'.repeat(15), 'TOO_SHORT'],
    ['of 65 characters', 'k'.repeat(65), 'TOO_LONG'],
    ['with a space', 'order 4711 attempt 1'],
    ['with a leading space', ` ${KEY}`],
    ['with a trailing line break', `${KEY}\n`],
    ['with a dot', 'order.4711.attempt.1'],
    ['with a slash', 'order/4711/attempt/1'],
    ['with a colon', 'order:4711:attempt:1'],
    ['with an accent', 'ordér-4711-attempt-1'],
    ['with an emoji', `order-4711-attempt-😀`],
    ['with a zero byte', `${KEY}\u0000`],
  ])('%s is reported as invalid, and nothing is sent', async (_what, idempotencyKey, code = 'WRONG_FORMAT') => {
    const { create, emulator } = gateway;
    const before = emulator.ledger.count();
    expect(await create({ idempotencyKey })).toEqual({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      message: expect.any(String),
      problems: [expect.objectContaining({ path: ['idempotencyKey'], code })],
    });
    expect(emulator.ledger.count()).toBe(before);
  });
});
