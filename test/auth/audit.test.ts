import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { VALID_INPUT } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { codeIn, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';

const KEY = 'order-4711-attempt-1';
const FINGERPRINT = createHash('sha256')
  .update(JSON.stringify(Object.fromEntries(Object.entries(VALID_INPUT).sort())))
  .digest('hex');

/** The fields of every audit line. */
const LINE = {
  level: 30,
  time: expect.any(Number),
  channel: 'audit',
  requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
  traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
  spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  address: '127.0.0.1',
  startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  durationMs: expect.any(Number),
  msg: 'audit',
};
const ALICE = { ...LINE, tenant: 'alice', subject: 'alice', operation: 'createDatasourceConnection' };

const shared = shareTokenGateway();

describe('the audit log', () => {
  it('records the caller, input, time and outcome of a create in one line', async () => {
    const gateway = shared();
    const { headers, body } = await gateway.createAs(await gateway.sign(), { idempotencyKey: KEY });
    const payload = body.data?.['createDatasourceConnection'] as { connectionId: string } | undefined;

    expect(gateway.audit()).toEqual([
      {
        ...ALICE,
        traceId: headers.get('x-request-id'),
        inputFingerprint: FINGERPRINT,
        outcome: 'CreateDatasourceConnectionSuccess',
        connectionId: payload?.connectionId,
      },
    ]);
  });

  it("records DLI's request id for a rejected create", async () => {
    const gateway = shared();
    gateway.emulator.inject({ operation: 'createConnection', error: 'DLI.1028' });
    const { body } = await gateway.createAs(await gateway.sign());
    const payload = body.data?.['createDatasourceConnection'] as { requestId: string } | undefined;
    const requestId = payload?.requestId;

    expect(gateway.audit()).toEqual([
      {
        ...ALICE,
        inputFingerprint: FINGERPRINT,
        outcome: 'DliRejectedError',
        code: 'UPSTREAM_REJECTED',
        upstreamRequestId: requestId,
      },
    ]);
    expect(requestId).toMatch(/^\w+$/);
  });

  it('records mutations that were refused for invalid input, missing roles and rate limits', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '1',
    });
    const token = await gateway.sign();
    const reader = await gateway.sign({ claims: { scope: 'dli:connection:read' } });
    await gateway.createAs(token, { name: 'not a name' });
    await gateway.createAs(token, { service: 'ORACLE' });
    await gateway.createAs(reader);
    const answers = await Promise.all([gateway.createAs(token), gateway.createAs(token, { name: 'b' })]);
    const { operation: _, ...unread } = ALICE;
    const fingerprint = expect.stringMatching(/^[0-9a-f]{64}$/);

    expect(answers.map(codeIn).sort()).toEqual(['CreateDatasourceConnectionSuccess', 'RATE_LIMITED']);
    expect(gateway.audit().slice(0, 3)).toEqual([
      { ...ALICE, inputFingerprint: fingerprint, outcome: 'InvalidInputError', code: 'BAD_USER_INPUT' },
      { ...unread, code: 'BAD_USER_INPUT' },
      { ...ALICE, code: 'FORBIDDEN' },
    ]);
    expect(gateway.audit().slice(3)).toContainEqual({
      ...ALICE,
      inputFingerprint: fingerprint,
      code: 'RATE_LIMITED',
    });
  });

  it('records the address and the reason of a failed authentication', async () => {
    const gateway = shared();
    await gateway.createAs(undefined);
    await gateway.createAs(await gateway.sign({ claims: { aud: 'https://other.example' } }));

    expect(gateway.audit()).toEqual([
      { ...LINE, code: 'UNAUTHENTICATED', reason: 'no token' },
      { ...LINE, code: 'UNAUTHENTICATED', reason: 'ERR_JWT_CLAIM_VALIDATION_FAILED aud' },
    ]);
  });

  it("timestamps its lines with the gateway's clock", async () => {
    const clock = createManualClock();
    const gateway = await startTokenGateway({}, { clock });
    clock.advance(60_000);
    await gateway.createAs(await gateway.sign());
    await gateway.createAs(undefined);
    const startedAt = new Date(clock.epochMs()).toISOString();

    expect(gateway.audit()).toMatchObject([
      { startedAt, outcome: 'CreateDatasourceConnectionSuccess' },
      { startedAt, code: 'UNAUTHENTICATED' },
    ]);
  });

  it('records no negative duration of a refused request when the wall clock is set back', async () => {
    let epochMs = Date.now();
    const clock = { ...createManualClock(), epochMs: () => (epochMs -= 3_600_000) };
    const gateway = await startTokenGateway({}, { clock });
    await gateway.createAs(undefined);

    const durations = gateway.audit().map(({ durationMs }) => Number(durationMs));
    expect(durations).toHaveLength(1);
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(0);
  });

  it('does not record queries', async () => {
    const gateway = shared();
    await gateway.ask(await gateway.sign());

    expect(gateway.audit()).toEqual([]);
  });

  it('is written at every log level, and for anonymous callers too', async () => {
    const gateway = await startTokenGateway({ CALLER_AUTH: 'none', LOG_LEVEL: 'error' });
    await gateway.createAs(undefined);

    expect(gateway.audit()).toMatchObject([{ tenant: 'everybody', subject: 'anonymous' }]);
    expect(gateway.log().trim().split('\n')).toHaveLength(1);
  });

  it('escapes names from tokens without truncating them', async () => {
    const gateway = shared();
    const sub = `a\r\n{"level":60}\\\u001b[31m\u202e\u2028${'x'.repeat(200)}`;
    await gateway.createAs(await gateway.sign({ claims: { sub } }));
    const [line] = gateway.audit();

    expect(line?.['subject']).toBe(String.raw`a\u{d}\u{a}{"level":60}\\\u{1b}[31m\u{202e}\u{2028}${'x'.repeat(200)}`);
    for (const text of gateway.log().trim().split('\n')) expect(() => JSON.parse(text)).not.toThrow();
  });
});

describe('an access token', () => {
  it('appears in no log or response, in whole or in part', async () => {
    const gateway = await startTokenGateway({ RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '3' });
    const seen: string[] = [];
    const tokens = [
      await gateway.sign(),
      await gateway.sign({ header: { kid: 'canary-kid' } }),
      await gateway.sign({ claims: { iss: 'https://canary.example', aud: 'canary-audience' } }),
      `${await gateway.sign({ claims: { secret: 'canary' } })}x`,
      await gateway.sign({ header: { typ: 'canary+jwt' } }),
    ];
    for (const token of [...tokens, 'canary', 'canary.canary.canary']) {
      const { headers, body } = await gateway.createAs(token, { idempotencyKey: KEY });
      seen.push(JSON.stringify([...headers]), JSON.stringify(body));
    }
    seen.push(gateway.log());

    for (const part of tokens.flatMap(token => token.split('.'))) expect(seen.join('\n')).not.toContain(part);
    expect(seen.join('\n')).not.toMatch(/canary/i);
    expect(gateway.log()).not.toContain(KEY);
    for (const value of [VALID_INPUT.name, VALID_INPUT.url, VALID_INPUT.networkId, VALID_INPUT.securityGroupId])
      expect(gateway.log()).not.toContain(value);
  });
});
