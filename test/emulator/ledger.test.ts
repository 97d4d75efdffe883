import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PASSWORD } from '../../src/emulator/emulator.js';
import { WritableLedger } from '../../src/emulator/ledger.js';
import { openRaw, rawRequest } from '../helpers/raw-connection.js';
import { CONNECTIONS_PATH, CREATE_BODY, startEmulator, tokenBody } from '../helpers/running-emulator.js';

function entryOf(operation: 'getConnection' | 'listConnections') {
  return {
    operation,
    atMs: 0,
    method: 'GET',
    path: '/',
    query: '',
    headers: {},
    body: '',
    bodyBytes: 0,
    authentication: 'none',
    authenticated: false,
    remotePort: 1,
  } as const;
}

describe('the ledger', () => {
  it('records requests and their results', async () => {
    const { emulator, call } = await startEmulator({ now: () => 1_000 });
    const { json } = await call('POST', `${CONNECTIONS_PATH}?a=%20b`, { ...CREATE_BODY, unknown_field: 1 });
    const body = JSON.stringify({ ...CREATE_BODY, unknown_field: 1 });
    expect(emulator.ledger.entries('createConnection')).toEqual([
      {
        sequence: 2,
        atMs: 1_000,
        operation: 'createConnection',
        method: 'POST',
        path: CONNECTIONS_PATH,
        query: 'a=%20b',
        headers: expect.objectContaining({ 'content-type': 'application/json' }),
        body,
        bodyBytes: body.length,
        authentication: 'token',
        authenticated: true,
        status: 201,
        appliedConnectionId: (json as { connection_id: string }).connection_id,
        remotePort: expect.any(Number),
      },
    ]);
  });

  it('contains no password, token or signature', async () => {
    const { emulator, send, call } = await startEmulator();
    const { headers } = await send('POST', '/v3/auth/tokens', tokenBody());
    const token = headers.get('x-subject-token') ?? '';
    const secrets = {
      authorization: 'SDK-HMAC-SHA256 secret-authorization',
      'x-auth-token': token,
      'x-security-token': 'secret-security-token',
      'x-subject-token': 'secret-subject-token',
    };
    await call('GET', CONNECTIONS_PATH, undefined, secrets);
    await send('POST', '/v3/auth/tokens', `{"password":"${DEFAULT_PASSWORD}"`);
    const text = JSON.stringify(emulator.ledger.entries());
    for (const secret of [DEFAULT_PASSWORD, ...Object.values(secrets)]) expect(text).not.toContain(secret);
    const hash = createHash('sha256').update(token).digest('hex').slice(0, 12);
    expect(emulator.ledger.entries('listConnections')[0]?.headers).toMatchObject({
      'x-auth-token': `sha256:${hash}`,
    });
    expect(emulator.ledger.entries('issueToken')[0]?.body).toContain('"password":"[removed]"');
  });

  it('counts by operation, from zero after it is cleared', async () => {
    const { emulator, call } = await startEmulator();
    await call('GET', CONNECTIONS_PATH);
    await call('GET', CONNECTIONS_PATH);
    await call('GET', '/nowhere');
    const { ledger } = emulator;
    const counts = () => [ledger.count('listConnections'), ledger.count('unknown'), ledger.count()];
    expect(counts()).toEqual([2, 1, 4]);
    ledger.clear();
    expect([counts(), ledger.entries()]).toEqual([[0, 0, 0], []]);
  });

  it('records a caller that disconnected in the middle of the body', async () => {
    const { emulator, baseUrl } = await startEmulator();
    const socket = await openRaw(baseUrl, rawRequest('POST', CONNECTIONS_PATH, 'abc', { 'content-length': '9' }));
    socket.end();
    await emulator.ledger.waitFor('createConnection', 1);
    expect(emulator.ledger.entries()).toMatchObject([{ bodyBytes: 3, reasonRefused: 'the caller went away' }]);
    socket.destroy();
  });

  it('resolves a wait when the request arrives', async () => {
    const ledger = new WritableLedger();
    const order: string[] = [];
    const waiting = ledger.waitFor('getConnection', 2).then(() => order.push('reached'));
    ledger.record(entryOf('getConnection'));
    ledger.record(entryOf('listConnections'));
    order.push('one');
    await Promise.resolve();
    ledger.record(entryOf('getConnection'));
    await waiting;
    await ledger.waitFor('any', 3);
    expect(order).toEqual(['one', 'reached']);
  });

  it('rejects a wait when the emulator is closed', async () => {
    const { emulator } = await startEmulator();
    const waiting = emulator.ledger.waitFor('getConnection', 1);
    await emulator.close();
    await expect(waiting).rejects.toThrow('closed');
  });

  it('keeps the last 50,000 requests and counts all', () => {
    const ledger = new WritableLedger();
    for (let index = 0; index < 100_001; index += 1) ledger.record(entryOf('getConnection'));
    const entries = ledger.entries();
    expect([entries.length, entries.at(-1)?.sequence, ledger.count()]).toEqual([50_000, 100_001, 100_001]);
  });
});
