import { describe, expect, it } from '@jest/globals';
import { CLASSIC_DECODER } from '../../src/dli/classic-responses.js';
import { classifyCreate } from '../../src/dli/classify-create.js';
import { DecodedElements } from '../../src/dli/decoded-elements.js';
import { ENHANCED_DECODER, isEnhancedNotFound, readHosts } from '../../src/dli/enhanced-responses.js';
import { UndocumentedFields } from '../../src/dli/field-reader.js';
import type { DescribedConnection } from '../../src/dli/responses.js';
import { readChange, readConnection, readConnectionList, readPage } from '../../src/dli/responses.js';
import { ConfidentialTexts } from '../../src/dli/sanitize.js';
import { proofSize } from '../helpers/proof-size.js';
import type { Random } from '../helpers/random.js';
import { chooseSeed, pick, randomOf } from '../helpers/random.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const OTHER_ID = '378eb1e6-521d-41a4-a41c-bbb58f34a6d6';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const RESPONSES = proofSize(2_000, 20_000);

const QUEUE = { uuid: 'u', status: 'FAILED', name: 'q1', err_msg: 'No route.', update_time: 1_566_180_327_674 };
const CONNECTION = {
  is_success: true,
  message: '',
  connection_id: ID,
  destination: '192.168.12.148:3306',
  state: 'CREATING',
  process: 0,
  name: 'op',
  connection_url: '',
  cluster_name: '#SQL#',
  service: 'CloudTable.OPENTSDB',
  create_time: 1_566_180_327_674,
  available_queue_info: [QUEUE, QUEUE],
  queue_list: ['q1', 'q2'],
  tags: [{ key: 'team', value: 'data' }, 'env=prod'],
};

const ENHANCED = {
  is_success: true,
  id: ID,
  name: 'op',
  status: 'ACTIVE',
  dest_vpc_id: OTHER_ID,
  dest_network_id: OTHER_ID,
  isPrivis: true,
  create_time: 1_566_180_327_674,
  available_queue_info: [QUEUE],
  elastic_resource_pools: [{ ...QUEUE, name: 'Pool_A', err_msg: 'The CIDR blocks overlap.' }],
  hosts: [{ name: 'a', ip: '10.0.0.1' }],
  routes: [{ name: 'r', cidr: '10.8.0.0/24', create_time: 5 }],
};

/** Documented responses. */
const DOCUMENTED: readonly object[] = [
  { is_success: true, message: '', connection_id: ID },
  { is_success: false, message: 'no' },
  { is_success: true, message: 'Deleted' },
  CONNECTION,
  { is_success: true, message: '', count: 2, connections: [CONNECTION, { ...CONNECTION, connection_id: OTHER_ID }] },
  ENHANCED,
  { is_success: true, message: '', count: 2, connections: [ENHANCED, { ...ENHANCED, id: OTHER_ID }] },
  { error_code: 'DLI.0001', error_msg: 'Parameter check error.' },
  { error_msg: 'no', error_code: 'APIGW.0301', request_id: '0b67bf0abe6d9a8844030ded87109c9f' },
  { error: { code: 403, message: 'no', title: 'Forbidden' } },
];

const STATUSES = [200, 200, 200, 201, 201, 202, 204, 302, 400, 401, 403, 404, 429, 500, 503];

/** JSON texts of values that no document has in this place. */
const ODD_VALUES: readonly ((random: Random) => string)[] = [
  () => 'null',
  () => 'true',
  () => '"false"',
  () => '0',
  () => '-1',
  () => '1e400',
  () => '-0.0e-400',
  () => '9'.repeat(400),
  () => '{}',
  () => '[]',
  () => '[[],{}]',
  () => '""',
  () => `"${ID}"`,
  () => `"${ID.toUpperCase()}"`,
  () => `"${OTHER_ID}\\n"`,
  () => '"\\u0000\\ud800"',
  () => '"\\u202e子网不存在"',
  () => '"DLI.0001"',
  () => '"ACTIVE"',
  () => '{"__proto__":{"connection_id":1},"constructor":null}',
  random => JSON.stringify('x'.repeat(Math.floor(random() * 5_000))),
  random => '['.repeat(1 + Math.floor(random() * 3_000)),
  random => {
    const depth = 1 + Math.floor(random() * 3_000);
    return `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  },
];

const ODD_KEYS = ['connection_id', 'connection\\u005fid', 'is_success', 'error_code', '__proto__', 'toString', 'count'];

/** Writes a value as JSON, and changes some of its parts. */
function mutate(value: unknown, random: Random, chance: number): string {
  if (random() < chance) return pick(random, ODD_VALUES)(random);
  if (Array.isArray(value)) {
    const items = value.flatMap(item => {
      const text = mutate(item, random, chance);
      return random() < chance ? [text, text] : [text];
    });
    return `[${items.filter(() => random() >= chance / 2).join()}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([key, member]) => {
    if (random() < chance / 2) return [];
    const name = random() < chance / 2 ? pick(random, ODD_KEYS) : key;
    const text = `"${name}":${mutate(member, random, chance)}`;
    return random() < chance ? [text, `"${name}":${mutate(member, random, 0.5)}`] : [text];
  });
  return `{${members.join()}}`;
}

function randomBody(random: Random): string {
  const body = mutate(pick(random, DOCUMENTED), random, pick(random, [0, 0.02, 0.1, 0.3]));
  return random() < 0.05 ? body.slice(0, Math.floor(random() * body.length)) : body;
}

describe('the decoders', () => {
  it('never throw, and find no success without a valid id', () => {
    const seed = chooseSeed();
    const random = randomOf(seed);
    process.stdout.write(`Random responses of seed ${seed}\n`);
    const found = { created: 0, connections: 0, lists: 0, enhanced: 0, pages: 0 };
    const decoded = new DecodedElements();
    for (let index = 0; index < RESPONSES; index += 1) {
      const [status, body] = [pick(random, STATUSES), randomBody(random)];
      try {
        const response = {
          status,
          text: body,
          undocumented: new UndocumentedFields(),
          confidential: new ConfidentialTexts(),
        };
        const verdict = classifyCreate(status, body);
        if (verdict.kind === 'created') {
          found.created += 1;
          expect(verdict.connectionId).toMatch(UUID);
          expect(status >= 200 && status < 300).toBe(true);
          if (verdict.message !== null) expect(typeof verdict.message).toBe('string');
          // Any reader of the text finds the same id.
          expect(body).toContain(verdict.connectionId);
          expect((JSON.parse(body) as { connection_id: unknown }).connection_id).toBe(verdict.connectionId);
        }
        const connection = readConnection(response, CLASSIC_DECODER, ID);
        if (connection !== undefined) {
          found.connections += 1;
          expect(connection.id).toBe(ID);
          expectReadable(connection);
        }
        const enhanced = readConnection(response, ENHANCED_DECODER, ID);
        if (enhanced !== undefined) {
          found.enhanced += 1;
          expect(enhanced.id).toBe(ID);
          expectReadable(enhanced);
          for (const host of readHosts(response, ID) ?? [])
            expect(Object.values(host).every(text => text !== '')).toBe(true);
        }
        const page = readPage(response, ENHANCED_DECODER, { offset: 0, limit: 100 });
        if (page !== undefined) {
          found.pages += 1;
          for (const element of page) expectReadable(element);
        }
        expect(typeof isEnhancedNotFound(response)).toBe('boolean');
        const list = readConnectionList(response, CLASSIC_DECODER);
        if (list !== undefined) {
          found.lists += 1;
          const ids = list.flatMap(({ id }) => (id === null ? [] : [id.toLowerCase()]));
          expect(new Set(ids).size).toBe(ids.length);
          for (const element of list) expectReadable(element);
        }
        expect(readConnectionList(response, CLASSIC_DECODER, decoded)).toEqual(list);
        expect(['done', 'unsuccessful', undefined]).toContain(readChange(response));
      } catch (error) {
        throw new Error(`PROOF_SEED=${seed}, response ${index}: ${status} ${body.slice(0, 2_000)}`, { cause: error });
      }
    }
    // The test means nothing if no response is ever read.
    expect(Object.values(found).every(count => count > RESPONSES / 1_000)).toBe(true);
  });
});

/** Asserts that every field has the type that callers rely on. */
function expectReadable(connection: DescribedConnection): void {
  const { id, createdAtMs, tags } = connection;
  expect(id === null || UUID.test(id)).toBe(true);
  expectNumbers([createdAtMs]);
  expectTexts((tags ?? []).flatMap(({ key, value }) => [key, value]));
  if (connection.kind === 'ENHANCED') {
    const { name, state, vpcId, networkId, isShared, isIpv6Enabled, hosts, routes, bindings } = connection;
    expectTexts([name, state, vpcId, networkId]);
    for (const flag of [isShared, isIpv6Enabled]) expect([true, false, null]).toContain(flag);
    expect([hosts.count >= 0, hosts.version]).toEqual([true, expect.any(String)]);
    for (const route of routes ?? []) expect([route.name, route.cidr]).not.toContain('');
    for (const binding of bindings) {
      expect(binding.name).toBe(binding.name?.toLowerCase());
      expect(binding.name).not.toBe('');
      expectTexts([binding.name, binding.state, binding.peeringId, binding.problem, binding.cause]);
      expectNumbers([binding.updatedAtMs]);
    }
    return;
  }
  const { progress, queues, tags: _tags, createdAtMs: _createdAtMs, ...texts } = connection;
  expect(progress === null || (progress >= 0 && progress <= 1)).toBe(true);
  expectTexts(Object.values(texts));
  for (const { name, state, problem, updatedAtMs } of queues) {
    expectTexts([name, state, problem]);
    expectNumbers([updatedAtMs]);
  }
}

function expectTexts(texts: unknown[]): void {
  for (const text of texts) expect(text === null || (typeof text === 'string' && text.length <= 2_048)).toBe(true);
}

function expectNumbers(numbers: (number | null)[]): void {
  for (const number of numbers) expect(number === null || Number.isFinite(number)).toBe(true);
}
