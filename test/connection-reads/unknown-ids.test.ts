import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createTestClock } from '../helpers/clock.js';
import { DELETED, NO_ID, remove, seed } from '../helpers/deletion.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { connectionOf, queryConnection } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const clock = createTestClock();
const gateway = shareGateway({ env: { READ_FRESHNESS_MS: '0' } }, clock);

/** Ends the pause after the last list, which has ended. */
function endPause(): void {
  clock.advance(1_000);
}

const ENDED = 'Huawei ended classic connections in 2024.';
const ABSENT: [what: string, answer: Partial<Fault>][] = [
  ['other words', { status: 400, body: { error_code: 'DLI.0001', error_msg: 'No such connection.' } }],
  ['Chinese words', { status: 400, body: { error_code: 'DLI.0001', error_msg: '连接不存在。' } }],
  ['words about something else', { status: 400, body: { error_code: 'DLI.0001', error_msg: 'The project is wrong.' } }],
  ['another code', { status: 400, body: { error_code: 'DLI.20005', error_msg: 'gone' } }],
  ['a code of another service', { status: 404, body: { error_code: 'EPS.0004', error_msg: '' } }],
  ['404 and no body', { status: 404 }],
  ['404 and HTML', { status: 404, body: '<html>Not Found</html>' }],
];

describe.each(ABSENT)('an id that is refused with %s', (_what, answer) => {
  const inject = (operation: Fault['operation']) => gateway().emulator.inject({ operation, times: 0, ...answer });

  it('has no connection if the list does not show it', async () => {
    inject('getConnection');
    expect(await connectionOf(gateway(), NO_ID)).toBeNull();
    endPause();
    expect(await remove(gateway(), NO_ID)).toMatchObject({ __typename: 'ConnectionNotFoundError' });
  });

  it('refers to the connection that the list shows', async () => {
    const id = seed(gateway().emulator, { name: 'orders_pg' });
    inject('getConnection');
    expect(await connectionOf(gateway(), id.toUpperCase())).toMatchObject({ id, name: 'orders_pg', state: 'ACTIVE' });
  });

  it('is an error while the list cannot be read', async () => {
    inject('getConnection');
    gateway().emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    const { body } = await queryConnection(gateway(), NO_ID);
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual([
      expect.stringMatching(/^UPSTREAM_(REJECTED|UNAVAILABLE)$/),
    ]);
    expect(JSON.stringify(body)).not.toContain(ENDED);
    endPause();
    expect(JSON.stringify(await remove(gateway(), NO_ID))).not.toContain(ENDED);
  });

  it('is deleted if the delete was executed nevertheless', async () => {
    const id = seed(gateway().emulator);
    gateway().emulator.inject({ operation: 'deleteConnection', apply: true, ...answer });
    expect(await remove(gateway(), id)).toMatchObject({ __typename: DELETED });
  });
});

describe('the list is not needed', () => {
  it.each(['DLI.0002', 'DLI.0023'])('if the code %s says that there is no such connection', async error => {
    gateway().emulator.inject({ operation: 'getConnection', error });
    expect(await connectionOf(gateway(), NO_ID)).toBeNull();
    expect(gateway().emulator.ledger.count('listConnections')).toBe(0);
  });

  it.each(['APIG.0101', 'APIGW.0101'])('if an enhanced connection has the id, after code %s', async error => {
    gateway().emulator.inject({ operation: 'getConnection', error, times: 0 });
    const { connectionId } = gateway().emulator.seedEnhancedConnection();
    expect(await connectionOf(gateway(), connectionId)).toMatchObject({ id: connectionId });
    expect(gateway().emulator.ledger.count('listConnections')).toBe(0);
  });

  it.each(['DLI.0007', 'DLI.10003'])(
    'if the code %s says that classic connections are not offered, which the error says too',
    async error => {
      gateway().emulator.inject({ operation: 'getConnection', error, times: 0 });
      const { body } = await queryConnection(gateway(), NO_ID);
      expect(body.errors?.[0]?.message).toContain(ENDED);
      expect(gateway().emulator.ledger.count('listConnections')).toBe(0);
    },
  );
});

describe('an id that is refused because classic connections are not offered', () => {
  it.each(['APIG.0101', 'APIGW.0101'])('is an error if they can nevertheless be listed: %s', async error => {
    gateway().emulator.inject({ operation: 'getConnection', error, times: 0 });
    const { body } = await queryConnection(gateway(), NO_ID);
    expect(body.errors?.[0]?.message).toContain(ENDED);
  });

  it.each(['APIG.0101', 'APIGW.0101'])('has no connection if they cannot be listed either: %s', async error => {
    const { emulator } = gateway();
    for (const operation of ['getConnection', 'listConnections'] as const)
      emulator.inject({ operation, error, times: 0 });
    expect(await connectionOf(gateway(), NO_ID)).toBeNull();
    expect(await connectionOf(gateway(), NO_ID.replace('0', '1'))).toBeNull();
    expect(emulator.ledger.count('listConnections')).toBe(1);
  });
});

describe('an id that is not listed', () => {
  it('is an error, not absent, if the list has a connection whose id cannot be read', async () => {
    gateway().emulator.inject({ operation: 'getConnection', error: 'DLI.0001', times: 0 });
    const body = { connections: [{ name: 'orders_pg', connection_id: 7 }] };
    gateway().emulator.inject({ operation: 'listConnections', body, times: 0 });
    const answer = await queryConnection(gateway(), NO_ID);
    expect(answer.body.errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_REJECTED']);
  });
});

describe('ids that are refused at the same time', () => {
  afterEach(closeGateways);
  const REFUSED: Fault = { operation: 'getConnection', error: 'DLI.0001', times: 0 };
  const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

  it('share one list call at a time, for reads and deletes, with a pause of a second', async () => {
    const gateway = await startGateway();
    const { emulator } = gateway;
    emulator.inject(REFUSED);
    emulator.inject({ operation: 'listConnections', delayMs: 200, times: 0 });
    const first = connectionOf(gateway, NO_ID);
    await emulator.ledger.waitFor('listConnections', 1);
    const [reads, deletes] = await Promise.all([
      Promise.all(ids(8).map(id => connectionOf(gateway, id))),
      Promise.all(ids(3).map(id => remove(gateway, id))),
      first,
    ]);
    expect(reads).toEqual(Array(8).fill(null));
    for (const payload of deletes) expect(payload).toMatchObject({ __typename: 'ConnectionNotFoundError' });
    const times = emulator.ledger.entries('listConnections').map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThan(1);
    // A list takes a fifth of a second, and the next one begins a second after its end.
    for (const [index, atMs] of times.slice(1).entries()) expect(atMs - (times[index] ?? 0)).toBeGreaterThan(1_180);
  });

  it('find a connection that was created while an earlier list ran', async () => {
    const gateway = await startGateway();
    const { emulator } = gateway;
    emulator.inject(REFUSED);
    emulator.inject({ operation: 'listConnections', apply: true, delayMs: 500 });
    const first = connectionOf(gateway, NO_ID);
    await emulator.ledger.waitFor('listConnections', 1);
    const id = seed(emulator);
    expect(await connectionOf(gateway, id)).toMatchObject({ id });
    expect(await first).toBeNull();
    expect(emulator.ledger.count('listConnections')).toBe(2);
  });

  it('do not keep other reads waiting while they wait for the list', async () => {
    const gateway = await startGateway();
    const { emulator } = gateway;
    const id = seed(emulator);
    emulator.inject({ ...REFUSED, times: 12 });
    emulator.inject({ operation: 'listConnections', behaviour: 'hang', times: 0 });
    // More than the gateway sends to DLI at the same time.
    const refused = ids(12).map(other => queryConnection(gateway, other));
    await emulator.ledger.waitFor('getConnection', 12);
    expect(await connectionOf(gateway, id)).toMatchObject({ id });
    expect(emulator.ledger.count('listConnections')).toBe(1);
    // Otherwise the gateway would wait for the hanging list when it closes.
    await emulator.close();
    await Promise.all(refused);
  });
});
