import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../helpers/manual-clock.js';
import { codeIn, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';

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
    const gateway = await startTokenGateway();
    const [alice, bob] = await Promise.all([gateway.sign(), gateway.sign({ claims: { sub: 'bob' } })]);

    expect(codeIn(await gateway.createAs(alice, { idempotencyKey: KEY }))).toBe(SUCCESS);
    expect(codeIn(await gateway.createAs(bob, { idempotencyKey: KEY }))).toBe('NameTakenError');
  });
});

describe('the tenant', () => {
  const byTeam = shareTokenGateway({ OIDC_TENANT_CLAIM: 'team' });
  const byTeamId = shareTokenGateway({ OIDC_TENANT_CLAIM: 'team.id' });
  const limited = shareTokenGateway(
    { OIDC_TENANT_CLAIM: 'team', RATE_LIMIT_CREATES_PER_SECOND: '1', RATE_LIMIT_CREATES_BURST: '1' },
    { clock: createManualClock() },
  );

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

  it.each<[path: string, claims: Record<string, unknown>]>([
    ['organization.id', { organization: { id: 'blue' } }],
    ['organization.id', { 'organization.id': 'blue', organization: { id: 'red' } }],
    ['https://example.com/team', { 'https://example.com/team': 'blue', 'https://example': { 'com/team': 'red' } }],
    ['https://example.com/team.id', { 'https://example.com/team': { id: 'blue' } }],
  ])('is read from a path, in which the longest claim name wins: %s in %j', async (path, claims) => {
    const gateway = await startTokenGateway({ OIDC_TENANT_CLAIM: path });
    await gateway.createAs(await gateway.sign({ claims }));

    expect(gateway.audit()).toMatchObject([{ tenant: 'blue', subject: 'alice' }]);
  });

  it.each([undefined, null, '', 7, true, ['blue'], { name: 'blue' }, 'x'.repeat(257)])(
    'must be a non-empty string of at most 256 characters: %j',
    async team => {
      for (const [gateway, claims] of [
        [byTeam(), { team }],
        [byTeamId(), { team: { id: team } }],
      ] as const)
        expect((await gateway.ask(await gateway.sign({ claims }))).status).toBe(401);
    },
  );

  it.each(['team.id', 'constructor.name', '__proto__.constructor.name', 'sub.constructor.name', 'groups.0'])(
    'is missing if the path leads to no claim: %s',
    async path => {
      const gateway = await startTokenGateway({ OIDC_TENANT_CLAIM: path });

      expect((await gateway.ask(await gateway.sign({ claims: { team: 'blue', groups: ['a'] } }))).status).toBe(401);
      expect(gateway.audit()).toMatchObject([{ reason: `ERR_JWT_CLAIM_VALIDATION_FAILED ${path}` }]);
    },
  );

  it.each([
    ['tenant', { team: '\ud800' }],
    ['tenant', { team: 'blue\udfff' }],
    ['tenant', { team: 'blue\ufffd' }],
    ['subject', { team: 'blue', sub: 'alice\ud83d' }],
  ])('is unambiguous: a token whose %s is not proper Unicode text is refused: %j', async (_what, claims) => {
    const gateway = byTeam();

    expect((await gateway.ask(await gateway.sign({ claims }))).status).toBe(401);
    expect(gateway.audit()).toMatchObject([{ reason: 'name' }]);
  });

  it.each([
    ['after 128 characters', ['a', 'b'].map(end => `${'x'.repeat(255)}${end}`)],
    ['in control characters', ['blue\u0000', 'blue\u001b', 'blue?', 'blue\\u{0}', 'blue\u202e', 'blue\u2028']],
    ['in characters outside the basic plane', ['\u{1f600}', '\u{1f601}', '\u{e0001}', '\u{e0002}']],
    ['in their normal form', ['\u00e9', 'e\u0301']],
  ])('has its own limit and its own name in the audit log if it differs %s', async (_what, teams) => {
    const gateway = limited();
    const answers: unknown[] = [];
    for (const [index, team] of teams.entries()) {
      const answer = await gateway.createAs(await gateway.sign({ claims: { team } }), { name: `orders_${index}` });
      answers.push(codeIn(answer));
    }

    expect(answers).toEqual(teams.map(() => SUCCESS));
    expect(new Set(gateway.audit().map(({ tenant }) => tenant)).size).toBe(teams.length);
  });
});
