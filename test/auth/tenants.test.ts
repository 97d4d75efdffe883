import { describe, expect, it } from '@jest/globals';
import { codeIn, startTokenGateway } from './helpers/token-gateway.js';

const KEY = 'order-4711-attempt-1';
const SUCCESS = 'CreateDatasourceConnectionSuccess';

describe('two tenants with the same idempotency key', () => {
  it("create two connections, and do not see each other's result", async () => {
    const gateway = await startTokenGateway();
    const [alice, bob] = await Promise.all([gateway.sign(), gateway.sign({ claims: { sub: 'bob' } })]);
    const mine = await gateway.createAs(alice, { name: 'of_alice', idempotencyKey: KEY });
    const other = await gateway.createAs(bob, { name: 'of_bob', idempotencyKey: KEY });
    const repeats = [
      await gateway.createAs(alice, { name: 'of_alice', idempotencyKey: KEY }),
      await gateway.createAs(bob, { name: 'of_bob', idempotencyKey: KEY }),
    ];

    expect([codeIn(mine), codeIn(other)]).toEqual([SUCCESS, SUCCESS]);
    expect(repeats.map(({ body }) => body)).toEqual([mine.body, other.body]);
    expect(mine.body).not.toEqual(other.body);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(2);
  });

  it("get no replay of each other's create for the same input", async () => {
    const gateway = await startTokenGateway({}, {});
    const [alice, bob] = await Promise.all([gateway.sign(), gateway.sign({ claims: { sub: 'bob' } })]);

    expect(codeIn(await gateway.createAs(alice, { idempotencyKey: KEY }))).toBe(SUCCESS);
    expect(codeIn(await gateway.createAs(bob, { idempotencyKey: KEY }))).toBe('NameTakenError');
  });
});

describe('the tenant', () => {
  it('is read from the configured claim, and its callers share idempotency keys', async () => {
    const gateway = await startTokenGateway({ OIDC_TENANT_CLAIM: 'https://example.com/team' });
    const team = { 'https://example.com/team': 'blue' };
    const alice = await gateway.sign({ claims: team });
    const bob = await gateway.sign({ claims: { ...team, sub: 'bob' } });
    const first = await gateway.createAs(alice, { idempotencyKey: KEY });

    expect(codeIn(first)).toBe(SUCCESS);
    expect((await gateway.createAs(bob, { idempotencyKey: KEY })).body).toEqual(first.body);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });

  it.each([undefined, '', 7, ['blue'], { name: 'blue' }, 'x'.repeat(257)])(
    'must be a non-empty string of at most 256 characters: %j',
    async team => {
      const gateway = await startTokenGateway({ OIDC_TENANT_CLAIM: 'team' });

      expect((await gateway.ask(await gateway.sign({ claims: { team } }))).status).toBe(401);
    },
  );
});
