import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { UPSTREAM_TIMEOUTS } from '../../src/huawei-cloud/transport.js';
import { createEach } from '../helpers/create-each.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';
import { callsExceptListReads } from '../helpers/upstream-calls.js';

afterEach(closeGateways);

const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const UNANSWERED = { ...UNKNOWN, requestId: null };
const UNREACHABLE = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_UNAVAILABLE',
  message: 'DLI cannot be used at the moment. Nothing was created; try again later.',
  retryAfterSeconds: 5,
};
const STATUSES = [301, 302, 303, 307, 308];

const shared = shareGateway();
const withToken = shareGateway({ env: IAM_USER });
const withoutToken = shareGateway({ env: IAM_USER });

/** A second host that accepts every request. */
async function startOtherHost() {
  const body = '{"is_success":true,"connection_id":"68233202-63bf-4f27-a99b-fa5f5a2dbae1"}';
  return listen(createServer((_request, response) => response.writeHead(201).end(body)));
}

describe('an unreachable upstream', () => {
  it('that refuses connections is reported as unavailable, and nothing was sent', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: endpoint } });
    expect(await create()).toEqual(UNREACHABLE);
    expect(log()).toContain('"mayHaveBeenSent":false');
  });

  it('whose two addresses both refuse connections is reported as unavailable', async () => {
    const endpoint = `http://localhost:${await closedPort()}`;
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: endpoint } });
    expect(await create()).toEqual(UNREACHABLE);
    expect(log()).toContain('"mayHaveBeenSent":false');
  });

  it('whose name cannot be resolved is reported as unavailable, and nothing was sent', async () => {
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: 'https://dli.gateway.invalid' } });
    expect(await create()).toEqual(UNREACHABLE);
    expect(log()).toContain('"mayHaveBeenSent":false');
  });

  it('is tried again by the next create', async () => {
    const { emulator, create } = await startGateway();
    emulator.inject({ operation: 'createConnection', behaviour: 'resetBeforeBody' });
    expect(await create()).toMatchObject(UNANSWERED);
    expect(await create({ name: 'second' })).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      reconciled: false,
    });
  });
});

describe('a response that exceeds a time limit', () => {
  const TOO_LATE: [how: string, fault: Partial<Fault>][] = [
    ['is not sent', { behaviour: 'hang' }],
    ['is not sent although the connection was created', { behaviour: 'hang', apply: true }],
    ['is sent too late', { delayMs: 120_000 }],
    ['never ends after its headers', { behaviour: 'drip', dripMs: 2_000 }],
    ['is an error that never ends', { behaviour: 'drip', dripMs: 2_000, error: 'DLI.0001' }],
  ];

  it('leads to an unknown outcome at the deadline', async () => {
    const clock = createManualClock();
    const gateway = await startGateway({ clock, env: { OPERATION_TIMEOUT_MS: '1000' } });
    const events: string[] = [];
    const creating = createEach(
      gateway,
      TOO_LATE,
      ([, fault]) => fault,
      ([how]) => events.push(how),
    );
    // With the one that proves the credential.
    await gateway.emulator.ledger.waitFor('createConnection', 1 + TOO_LATE.length);
    clock.advance(999);
    // Longer than any timer that was started earlier.
    await delay(1_050);
    events.push('deadline');
    clock.advance(1);
    const ended = (await creating).map(({ row: [how], payload, posts }) => ({ how, payload, posts: posts() }));
    expect(ended).toEqual(TOO_LATE.map(([how]) => ({ how, payload: expect.objectContaining(UNANSWERED), posts: 1 })));
    expect(events[0]).toBe('deadline');
    expect(events).toHaveLength(1 + TOO_LATE.length);
  });

  it('is aborted 5 s after its headers, long before the deadline', async () => {
    expect(UPSTREAM_TIMEOUTS.bodyMs).toBe(5_000);
    const limits = { upstreamTimeouts: { ...UPSTREAM_TIMEOUTS, bodyMs: 300 } };
    const { emulator, create } = await startGateway({ limits, env: { OPERATION_TIMEOUT_MS: '120000' } });
    // The complete response would take a minute.
    emulator.inject({ operation: 'createConnection', behaviour: 'drip', dripMs: 500 });
    expect(await create()).toMatchObject(UNANSWERED);
  });

  it('does not leave its connection open', async () => {
    const { emulator, create } = await startGateway({ env: { OPERATION_TIMEOUT_MS: '1000' } });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    await create();
    await create({ name: 'second' });
    const [first, second] = emulator.ledger.entries('createConnection').map(entry => entry.remotePort);
    expect(second).not.toBe(first);
  });
});

describe('a connection lost after the request was sent', () => {
  const text = '{"is_success":true,"message":"","connection_id":"68233202-63bf-4f27-a99b-fa5f5a2dbae1"}';
  const positions = [0, 1, 12, 40, text.length - 2, text.length - 1, text.length];
  /** The shared gateway, with what it logs from now on. */
  function start() {
    const { emulator, create, log } = shared();
    const { length } = log();
    return { emulator, create, log: () => log().slice(length) };
  }

  it.each<[how: string, fault: Partial<Fault>]>([
    ['by a reset before the body was read', { behaviour: 'resetBeforeBody' }],
    ['by a reset before the response', { behaviour: 'reset' }],
    ['by a reset within the response', { behaviour: 'resetDuringAnswer' }],
    ['without a response', { behaviour: 'close' }],
    ...[false, true].flatMap(chunked =>
      positions.map((truncateAt): [string, Partial<Fault>] => [
        `after ${truncateAt} bytes of a response ${chunked ? 'in chunks' : 'of known length'}`,
        { behaviour: 'truncate', truncateAt, chunked, body: text },
      ]),
    ),
  ])('%s leaves the outcome unknown and is not retried', async (_how, fault) => {
    const { emulator, create, log } = start();
    emulator.inject({ operation: 'createConnection', times: 0, ...fault });
    expect(await create({ name: freshName() })).toMatchObject(UNANSWERED);
    expect(log()).toContain('"mayHaveBeenSent":true');
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each<[how: string, fault: Partial<Fault>]>([
    ['by a reset before the response', { behaviour: 'reset' }],
    ['by a reset within the response', { behaviour: 'resetDuringAnswer' }],
    ['without a response', { behaviour: 'close' }],
    ['in the middle of a response', { behaviour: 'truncate', truncateAt: 40 }],
  ])('%s during an executed create is not retried, and the list shows the connection', async (_how, fault) => {
    const { emulator, create, log } = start();
    emulator.inject({ operation: 'createConnection', times: 0, apply: true, ...fault });
    const payload = await create({ name: freshName() });
    const [made] = emulator.connections();
    expect(payload).toMatchObject({ connectionId: made?.connectionId, reconciled: true });
    expect(log()).toContain('"outcome":"CONNECTION_LOST"');
    expect(log()).toContain('"mayHaveBeenSent":true');
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });
});

describe('a redirect of a create', () => {
  it.each(STATUSES)('with %i is not followed, and the outcome is unknown', async status => {
    const other = await startOtherHost();
    const { emulator, create } = shared();
    emulator.inject({ operation: 'createConnection', status, redirectTo: `http://${other.host}/` });
    expect(await create({ name: freshName() })).toMatchObject(UNKNOWN);
    expect(other.connections()).toHaveLength(0);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each(STATUSES)('with %i does not send the IAM token to another host', async status => {
    const other = await startOtherHost();
    const { emulator, create } = withToken();
    await create({ name: freshName() });
    emulator.ledger.clear();
    emulator.inject({ operation: 'createConnection', status, redirectTo: `http://${other.host}/` });
    expect(await create({ name: freshName() })).toMatchObject(UNKNOWN);
    expect(other.connections()).toHaveLength(0);
    expect(emulator.ledger.entries('createConnection')).toMatchObject([{ authentication: 'token' }]);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each([
    ['to itself', { redirectTo: '/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection' }],
    ['without an address', {}],
    ['to an invalid address', { redirectTo: 'http://' }],
    ['with a success in its body', { body: { connection_id: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' } }],
    ['with a refusal in its body', { body: { error_code: 'DLI.0001' } }],
  ])('%s is not followed', async (_where, fault) => {
    const { emulator, create } = shared();
    emulator.inject({ operation: 'createConnection', times: 0, status: 307, ...fault });
    expect(await create({ name: freshName() })).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each([300, 304, 399])('with the unusual status %i leads to an unknown outcome', async status => {
    const { emulator, create } = shared();
    emulator.inject({ operation: 'createConnection', times: 0, status });
    expect(await create({ name: freshName() })).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });
});

describe('a redirect of the request for a token', () => {
  it.each(STATUSES)('with %i does not send the password to another host', async status => {
    const other = await startOtherHost();
    const { emulator, create } = withoutToken();
    emulator.inject({ operation: 'issueToken', status, redirectTo: `http://${other.host}/` });
    expect(await create()).toMatchObject({ __typename: 'DliUnavailableError' });
    expect(other.connections()).toHaveLength(0);
    expect(emulator.ledger.entries().map(entry => entry.operation)).toEqual(['issueToken']);
  });
});
