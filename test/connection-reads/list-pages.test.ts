import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import type { ShownConnection } from '../helpers/read-connections.js';
import { pageOf, queryPage } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);

/** Connections created one day apart, two of them at the same time. */
const SEEDS = [
  { name: 'beta_2', service: 'RDS', state: 'ACTIVE', createdAtMs: START_MS },
  { name: 'Alpha', service: 'DWS', state: 'FAILED', createdAtMs: START_MS + DAY_MS },
  { name: 'gamma', service: 'CloudTable', state: 'CREATING', createdAtMs: START_MS + 2 * DAY_MS },
  { name: 'delta', service: 'CSS', state: 'DELETED', createdAtMs: START_MS + 3 * DAY_MS },
  { name: 'beta_1', service: 'RDS', state: 'RUNNING', createdAtMs: START_MS + 4 * DAY_MS },
  { name: 'epsilon', service: 'RDS', state: 'ACTIVE', createdAtMs: START_MS + 4 * DAY_MS },
];

const shared = shareGateway();

function seeded(gateway = shared()): TestGateway {
  for (const seed of SEEDS) gateway.emulator.seedConnection(seed);
  return gateway;
}

const namesOf = (items: readonly ShownConnection[]) => items.map(({ name }) => name);

describe('the list of connections', () => {
  it.each([
    ['', ['beta_1', 'epsilon', 'gamma', 'Alpha', 'beta_2']],
    ['order: OLDEST_FIRST', ['beta_2', 'Alpha', 'gamma', 'beta_1', 'epsilon']],
    ['order: NAME', ['Alpha', 'beta_1', 'beta_2', 'epsilon', 'gamma']],
    ['order: NAME, filter: {includeDeleted: true}', ['Alpha', 'beta_1', 'beta_2', 'delta', 'epsilon', 'gamma']],
    ['filter: {states: [DELETED]}', ['delta']],
    ['order: NAME, filter: {states: [ACTIVE, FAILED]}', ['Alpha', 'beta_2', 'epsilon']],
    ['filter: {states: [UNKNOWN]}', ['beta_1']],
    ['filter: {states: []}', []],
    ['order: NAME, filter: {services: [RDS]}', ['beta_1', 'beta_2', 'epsilon']],
    ['filter: {services: [RDS], states: [ACTIVE], name: "BETA"}', ['beta_2']],
    ['order: NAME, filter: {name: "eta_"}', ['beta_1', 'beta_2']],
    ['filter: {name: "(.*)"}', []],
    ['filter: null, after: null', ['beta_1', 'epsilon', 'gamma', 'Alpha', 'beta_2']],
  ])('is filtered and sorted by (%s)', async (argumentsText, names) => {
    const page = await pageOf(seeded(), argumentsText);
    // Ids break ties, and they differ in every run.
    const sameTime = (name: string) => (/beta_1|epsilon/.test(name) && !/NAME/.test(argumentsText) ? '=' : name);
    expect(namesOf(page.items).map(sameTime)).toEqual(names.map(sameTime));
    expect([page.totalCount, page.nextCursor]).toEqual([names.length, null]);
  });

  it.each(['NEWEST_FIRST', 'OLDEST_FIRST', 'NAME'])('in pages by %s shows each connection once', async order => {
    const gateway = seeded();
    const whole = await pageOf(gateway, `order: ${order}`);
    const pages: ShownConnection[][] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page = await pageOf(gateway, `order: ${order}, first: 2${after === '' ? '' : `, after: "${after}"`}`);
      pages.push(page.items);
      after = page.nextCursor;
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(whole.items);
  });

  it('is paginated by truncated names of any length', async () => {
    const gateway = shared();
    const names = ['a', 'b', 'c'].map(letter => `${'\u0001'.repeat(3_000)}${letter}`);
    for (const name of names) gateway.emulator.seedConnection({ name });
    const first = await pageOf(gateway, 'order: NAME, first: 2');
    const second = await pageOf(gateway, `order: NAME, first: 2, after: "${first.nextCursor}"`);
    const items = [...first.items, ...second.items];
    expect(new Set(items.map(({ id }) => id)).size).toBe(3);
    expect(items.map(({ name }) => name.length)).toEqual([2_048, 2_048, 2_048]);
  });

  it('continues after a cursor whose connection is gone, without repeating others', async () => {
    const gateway = seeded(await startGateway({ env: { READ_FRESHNESS_MS: '0' } }));
    const first = await pageOf(gateway, 'order: NAME, first: 2');
    expect(namesOf(first.items)).toEqual(['Alpha', 'beta_1']);
    const { create } = gateway;
    expect(await create({ name: 'aardvark' })).toMatchObject({ connectionId: expect.any(String) });
    const second = await pageOf(gateway, `order: NAME, first: 2, after: "${first.nextCursor}"`);
    expect(namesOf(second.items)).toEqual(['beta_2', 'epsilon']);
  });

  it('is an empty page if there are no connections', async () => {
    expect(await pageOf(shared())).toEqual({ items: [], nextCursor: null, totalCount: 0 });
  });

  it('omits connections without a valid id, and logs their number', async () => {
    const gateway = shared();
    const connections = [{ name: 'a' }, { name: 'b', connection_id: '<script>' }];
    gateway.emulator.inject({ operation: 'listConnections', body: { connections } });
    expect(await pageOf(gateway)).toMatchObject({ items: [], totalCount: 0 });
    expect(gateway.log()).toContain('"outcome":"LEFT_OUT","count":2');
  });
});

const WRONG_CURSOR = { path: ['after'], code: 'WRONG_FORMAT' };

describe('invalid arguments', () => {
  it.each([
    ['first: 0', 'first must be 1 to 100.', { path: ['first'], code: 'TOO_SMALL', limit: 1 }],
    ['first: 101', 'first must be 1 to 100.', { path: ['first'], code: 'TOO_LARGE', limit: 100 }],
    ['first: -1', 'first must be 1 to 100.', { path: ['first'], code: 'TOO_SMALL', limit: 1 }],
    ['after: ""', 'after must be the nextCursor of a page of the same order.', WRONG_CURSOR],
    ['after: "bm9uc2Vuc2U"', 'after must be the nextCursor of a page of the same order.', WRONG_CURSOR],
    [
      `after: "${'x'.repeat(1_025)}"`,
      'after must be the nextCursor of a page.',
      { path: ['after'], code: 'TOO_LONG', limit: 1_024 },
    ],
    [
      `filter: {name: "${'x'.repeat(65)}"}`,
      'name may have at most 64 characters.',
      { path: ['filter', 'name'], code: 'TOO_LONG', limit: 64 },
    ],
    [
      `filter: {states: [${'ACTIVE '.repeat(11)}]}`,
      'states may have at most 10 items.',
      { path: ['filter', 'states'], code: 'TOO_MANY', limit: 10 },
    ],
    [
      `filter: {services: [${'RDS '.repeat(11)}]}`,
      'services may have at most 10 items.',
      { path: ['filter', 'services'], code: 'TOO_MANY', limit: 10 },
    ],
  ])('%s: the error names the rule', async (argumentsText, message, problem) => {
    const gateway = shared();
    const { body } = await queryPage(gateway, argumentsText);
    expect(body.errors).toMatchObject([
      { message, extensions: { code: 'BAD_USER_INPUT', problems: [{ ...problem, message }] } },
    ]);
  });

  it('are reported all at once, as structured data too, without their values', async () => {
    const gateway = shared();
    const { body } = await queryPage(gateway, `first: 101, filter: {name: "zq7canary${'x'.repeat(64)}"}`);
    const [error] = body.errors ?? [];
    expect(error?.message).toBe('first must be 1 to 100. name may have at most 64 characters.');
    expect(error?.extensions.problems?.map(({ path }) => path.join('.'))).toEqual(['first', 'filter.name']);
    expect(JSON.stringify(body) + gateway.log()).not.toContain('zq7canary');
  });

  it('include the cursor of a page in another order', async () => {
    const gateway = seeded();
    const { nextCursor } = await pageOf(gateway, 'order: NAME, first: 1');
    const { body } = await queryPage(gateway, `order: OLDEST_FIRST, after: "${nextCursor}"`);
    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});

describe('a list of ten thousand connections', () => {
  it('is read by a single call and sorted once for all its pages', async () => {
    const gateway = shared();
    const count = proofSize(1_000, 10_000);
    for (let index = 0; index < count; index += 1)
      gateway.emulator.seedConnection({
        name: `many_${index}`,
        state: 'ACTIVE',
        createdAtMs: START_MS + index,
      });
    const seen = new Set<string>();
    for (let after = ''; ; ) {
      const page = await pageOf(gateway, `first: 100${after && `, after: "${after}"`}`);
      for (const { id } of page.items) seen.add(id);
      expect(page.totalCount).toBe(count);
      if (page.nextCursor === null) break;
      after = page.nextCursor;
    }
    expect(seen.size).toBe(count);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
  });
});
