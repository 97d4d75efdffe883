import { describe, expect, it } from '@jest/globals';
import { until } from '../helpers/idempotency-gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { codeIn, startTokenGateway } from '../helpers/token-gateway.js';

const SUCCESS = 'CreateDatasourceConnectionSuccess';
const INVALID = { name: 'not a name' };

describe('a tenant that exceeds the create limit', () => {
  it('gets 429 with Retry-After, and nothing is sent to DLI', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '30',
    });
    const token = await gateway.sign();
    const repeat = { idempotencyKey: 'order-4711-attempt-1' };
    for (let count = 0; count < 30; count += 1) expect(codeIn(await gateway.createAs(token, repeat))).toBe(SUCCESS);
    const { status, headers, body } = await gateway.createAs(token, { name: 'one_too_many' });
    const retryAfterSeconds = Number(headers.get('retry-after'));

    expect({ status, body }).toEqual({
      status: 429,
      body: {
        data: null,
        errors: [
          {
            message:
              'You create, change or delete too many connections at a time. Nothing was done; wait, then repeat the request.',
            locations: [{ line: 3, column: 5 }],
            path: ['createDatasourceConnection'],
            extensions: { code: 'RATE_LIMITED', retryAfterSeconds, traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
    expect(retryAfterSeconds).toBeGreaterThan(0);
    expect(retryAfterSeconds).toBeLessThanOrEqual(30);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });

  it('does not affect other tenants', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '30',
    });
    const [alice, bob] = await Promise.all([gateway.sign(), gateway.sign({ claims: { sub: 'bob' } })]);
    const refused = proofSize(10, 140);
    const greedy = Array.from({ length: 30 + refused }, (_, index) => gateway.createAs(alice, { name: `a_${index}` }));
    const modest = Array.from({ length: proofSize(5, 20) }, (_, index) =>
      gateway.createAs(bob, { name: `b_${index}` }),
    );
    const received = (await Promise.all(greedy)).map(codeIn);

    expect((await Promise.all(modest)).map(codeIn)).toEqual(Array(proofSize(5, 20)).fill(SUCCESS));
    expect(received.filter(code => code === SUCCESS)).toHaveLength(30);
    expect(received.filter(code => code === 'RATE_LIMITED')).toHaveLength(refused);
  });

  it('may create again after the window', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '1',
    });
    const token = await gateway.sign();
    const create = () => gateway.createAs(token, { idempotencyKey: 'order-4711-attempt-1' });
    await Promise.all([create(), create()]);

    expect(codeIn(await until(create, answer => codeIn(answer) !== 'RATE_LIMITED'))).toBe(SUCCESS);
  });
});

describe('the create limit', () => {
  it('ignores invalid and forbidden creates, and queries', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '1',
    });
    const token = await gateway.sign();
    const reader = await gateway.sign({ claims: { scope: 'dli:connection:read' } });
    expect(codeIn(await gateway.createAs(token, INVALID))).toBe('InvalidInputError');
    expect(codeIn(await gateway.createAs(reader))).toBe('FORBIDDEN');
    expect((await gateway.ask(token)).status).toBe(200);

    expect(codeIn(await gateway.createAs(token))).toBe(SUCCESS);
  });

  it('is 20 creates in 2 seconds by default', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign();
    // Distinct keys, so that the creates do not wait for each other.
    const startedMs = performance.now();
    const answers = Array.from({ length: 40 }, (_, index) => gateway.createAs(token, { name: `c_${index}` }));
    const passed = (await Promise.all(answers)).filter(answer => codeIn(answer) === SUCCESS);

    // The creates may take more than one window on a slow machine.
    const windows = 1 + Math.floor((performance.now() - startedMs) / 2_000);
    expect(passed.length).toBeGreaterThanOrEqual(20);
    expect(passed.length).toBeLessThanOrEqual(20 * windows);
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['callers are anonymous', { CALLER_AUTH: 'none' }],
    ['it is 0', { RATE_LIMIT_CREATES_PER_SECOND: '0' }],
  ])('is off when %s', async (_when, env) => {
    const gateway = await startTokenGateway(env);
    const token = await gateway.sign();
    const many = proofSize(25, 80);
    const answers = Array.from({ length: many }, (_, index) => gateway.createAs(token, { name: `c_${index}` }));

    expect((await Promise.all(answers)).map(codeIn)).toEqual(Array(many).fill(SUCCESS));
  });

  it('applies to all anonymous callers together when it is configured', async () => {
    const gateway = await startTokenGateway({
      CALLER_AUTH: 'none',
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '30',
    });
    const answers = Array.from({ length: 31 }, (_, index) => gateway.createAs(undefined, { name: `c_${index}` }));
    const received = (await Promise.all(answers)).map(codeIn);

    expect(received.filter(code => code === 'RATE_LIMITED')).toHaveLength(1);
  });
});
