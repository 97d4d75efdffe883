import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { exchangeRaw, openRaw, rawRequest } from '../helpers/raw-connection.js';
import type { RunningEmulator } from '../helpers/running-emulator.js';
import { CONNECTIONS_PATH, CREATE_BODY, shareEmulator, startEmulator, tokenBody } from '../helpers/running-emulator.js';

const shared = shareEmulator();

async function createText({ send }: RunningEmulator): Promise<string> {
  const { headers } = await send('POST', '/v3/auth/tokens', tokenBody());
  const token = headers.get('x-subject-token') ?? '';
  return rawRequest('POST', CONNECTIONS_PATH, JSON.stringify(CREATE_BODY), { 'x-auth-token': token });
}

describe('the requests affected by a fault', () => {
  it('are the next one of its operation by default', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'listConnections', status: 503 });
    const statuses = [
      await call('POST', CONNECTIONS_PATH, CREATE_BODY),
      await call('GET', CONNECTIONS_PATH),
      await call('GET', CONNECTIONS_PATH),
    ].map(answer => answer.status);
    expect(statuses).toEqual([201, 503, 200]);
  });

  it('can be several, after some were skipped', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'listConnections', status: 500, skip: 1, times: 2 });
    const statuses: number[] = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await call('GET', CONNECTIONS_PATH)).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
  });

  it('can be those of any operation until it is cleared', async () => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'any', status: 418, times: 0 });
    const statuses = [
      await send('GET', CONNECTIONS_PATH),
      await send('POST', '/v3/auth/tokens', {}),
      await send('GET', '/nowhere'),
    ].map(answer => answer.status);
    emulator.clearFaults();
    expect([...statuses, (await send('GET', '/nowhere')).status]).toEqual([418, 418, 418, 404]);
  });

  it('are matched in the order in which faults were queued', async () => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'listConnections', status: 500 });
    emulator.inject({ operation: 'any', status: 502 });
    const statuses = [await send('GET', CONNECTIONS_PATH), await send('GET', CONNECTIONS_PATH)];
    expect(statuses.map(answer => answer.status)).toEqual([500, 502]);
  });

  it('must be valid: an invalid fault is refused, naming the key', async () => {
    const { emulator } = shared();
    const fault = { operation: 'createConnections', time: 1 } as unknown as Fault;
    expect(() => emulator.inject(fault)).toThrow(/operation: .*time/s);
  });
});

describe('a scripted response', () => {
  it('takes precedence over missing credentials, which the ledger records', async () => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'listConnections', status: 200, body: { connections: [] } });
    expect(await send('GET', CONNECTIONS_PATH)).toMatchObject({ status: 200, json: { connections: [] } });
    expect(emulator.ledger.entries()).toMatchObject([
      {
        authenticated: false,
        reasonRefused: 'APIGW.0301: x-auth-token not found',
        fault: 'answer',
        status: 200,
      },
    ]);
  });

  it('does not execute the operation without apply', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', status: 502 });
    await call('POST', CONNECTIONS_PATH, CREATE_BODY);
    expect(emulator.connections()).toEqual([]);
    emulator.inject({ operation: 'createConnection', status: 502, apply: true });
    const answer = await call('POST', CONNECTIONS_PATH, CREATE_BODY);
    const [connection] = emulator.connections();
    expect(answer).toMatchObject({ status: 502, text: '' });
    expect(connection).toMatchObject({ name: 'orders' });
    expect(emulator.ledger.entries('createConnection')[1]).toMatchObject({
      status: 502,
      appliedConnectionId: connection?.connectionId,
    });
  });

  it('does not execute an invalid request even with apply', async () => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'createConnection', status: 201, apply: true });
    await send('POST', CONNECTIONS_PATH, CREATE_BODY);
    expect(emulator.connections()).toEqual([]);
  });

  it.each<[fault: Partial<Fault>, status: number, contentType: string | null, text: string]>([
    [{ status: 500 }, 500, null, ''],
    [{ status: 204 }, 204, null, ''],
    [{ body: '<html>' }, 201, 'text/html', '<html>'],
    [{ body: 'null' }, 201, 'application/json', 'null'],
    [{ body: [] }, 201, 'application/json', '[]'],
    [{ body: '{}', headers: { 'Content-Type': 'text/plain' } }, 201, 'text/plain', '{}'],
  ])('of %j has the status, the content type and the body', async (fault, status, contentType, text) => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'createConnection', ...fault });
    const answer = await send('POST', CONNECTIONS_PATH, CREATE_BODY);
    expect({ ...answer, contentType: answer.headers.get('content-type') }).toMatchObject({
      status,
      contentType,
      text,
    });
  });

  it('can redirect with and without a Location', async () => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'any', status: 307, redirectTo: 'http://127.0.0.1:1/elsewhere' });
    emulator.inject({ operation: 'any', status: 301 });
    const locations = [await send('GET', CONNECTIONS_PATH), await send('GET', CONNECTIONS_PATH)];
    expect(locations.map(({ status, headers }) => [status, headers.get('location')])).toEqual([
      [307, 'http://127.0.0.1:1/elsewhere'],
      [301, null],
    ]);
  });

  it.each<[fault: Partial<Fault>, status: number, json: object]>([
    [
      { error: 'APIGW.0308' },
      429,
      { error_code: 'APIGW.0308', error_msg: 'The throttling threshold has been reached.' },
    ],
    [{ error: 'APIG.0307' }, 401, { error_code: 'APIG.0307', error_msg: 'The token must be updated.' }],
    [{ error: 'APIGW.0201', status: 504 }, 504, { error_msg: 'Backend timeout.' }],
    [{ error: 'DLI.0999' }, 400, { error_code: 'DLI.0999', error_msg: 'Server-side errors.' }],
    [{ error: 'DLI.0999', status: 500 }, 500, { error_code: 'DLI.0999' }],
    [{ error: 'DLI.0023' }, 404, { error_code: 'DLI.0023' }],
    [{ error: 'IAM.0012' }, 429, { error_code: 'IAM.0012' }],
  ])('can be the documented error %j', async (fault, status, json) => {
    const { emulator, send } = shared();
    emulator.inject({ operation: 'any', headers: { 'Retry-After': '5' }, ...fault });
    const answer = await send('GET', CONNECTIONS_PATH);
    expect(answer).toMatchObject({ status, json });
    expect(answer.headers.get('retry-after')).toBe('5');
  });
});

describe('a fault without a response of its own', () => {
  it('delays the normal response after executing the operation', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', delayMs: 60 });
    const startedAtMs = performance.now();
    const answer = call('POST', CONNECTIONS_PATH, CREATE_BODY);
    await emulator.ledger.waitFor('createConnection', 1);
    expect(emulator.connections()).toHaveLength(1);
    expect((await answer).status).toBe(201);
    expect(performance.now() - startedAtMs).toBeGreaterThan(55);
  });

  it('adds headers to the normal response', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', headers: { 'X-Extra': 'yes' } });
    const { status, headers } = await call('POST', CONNECTIONS_PATH, CREATE_BODY);
    expect([status, headers.get('x-extra'), emulator.connections().length]).toEqual([201, 'yes', 1]);
  });
});

describe.each([true, false])('a broken exchange with apply: %s', apply => {
  const applied = apply ? 1 : 0;

  it.each([
    ['reset', 'reset'],
    ['close', 'fin'],
  ] as const)('%s ends without an answer', async (behaviour, end) => {
    const running = shared();
    running.emulator.inject({ operation: 'createConnection', behaviour, apply });
    expect(await exchangeRaw(running.baseUrl, await createText(running))).toEqual({
      end,
      head: '',
      body: '',
    });
    expect(running.emulator.connections()).toHaveLength(applied);
    const [entry] = running.emulator.ledger.entries('createConnection');
    expect(entry).toMatchObject({ fault: behaviour, authenticated: true });
    expect(entry).not.toHaveProperty('status');
  });

  it('hang sends no response until the emulator is closed', async () => {
    const running = await startEmulator();
    running.emulator.inject({ operation: 'createConnection', behaviour: 'hang', apply });
    const exchange = exchangeRaw(running.baseUrl, await createText(running));
    await running.emulator.ledger.waitFor('createConnection', 1);
    expect(running.emulator.connections()).toHaveLength(applied);
    await running.emulator.close();
    expect(await exchange).toMatchObject({ head: '', body: '' });
  });

  it('resetDuringAnswer sends part of a success', async () => {
    const running = shared();
    running.emulator.inject({ operation: 'createConnection', behaviour: 'resetDuringAnswer', apply });
    const { end, head, body } = await exchangeRaw(running.baseUrl, await createText(running));
    expect(end).toBe('reset');
    expect(head).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(body).toMatch(/^\{"is_success":true,"message":"","/);
    expect(running.emulator.connections()).toHaveLength(applied);
  });

  it('truncate announces more bytes than it sends', async () => {
    const running = shared();
    running.emulator.inject({ operation: 'createConnection', behaviour: 'truncate', truncateAt: 12, apply });
    const { end, head, body } = await exchangeRaw(running.baseUrl, await createText(running));
    expect({ end, body }).toEqual({ end: 'fin', body: '{"is_success' });
    expect(Number(/content-length: (\d+)/.exec(head)?.[1])).toBeGreaterThan(12);
    expect(running.emulator.connections()).toHaveLength(applied);
  });

  it('truncate can break off within a chunk', async () => {
    const running = shared();
    running.emulator.inject({
      operation: 'createConnection',
      behaviour: 'truncate',
      chunked: true,
      truncateAt: 5,
      apply,
    });
    const { end, head, body } = await exchangeRaw(running.baseUrl, await createText(running));
    expect(end).toBe('fin');
    expect(head).toContain('transfer-encoding: chunked');
    expect(body).toMatch(/^[1-9a-f][0-9a-f]\r\n\{"is_$/);
  });

  it('drip sends the body byte by byte', async () => {
    const running = shared();
    running.emulator.inject({ operation: 'createConnection', behaviour: 'drip', dripMs: 1, apply });
    const socket = await openRaw(running.baseUrl, await createText(running));
    const pieces: string[] = [];
    socket.on('data', (chunk: Buffer) => {
      pieces.push(chunk.toString());
      if (pieces.join('').endsWith('}')) socket.end();
    });
    await once(socket, 'close');
    // A busy system may deliver several bytes at once.
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toMatch(/\{"is_success":true,"message":"","connection_id":"[-0-9a-f]{36}"\}$/);
    expect(running.emulator.connections()).toHaveLength(applied);
  });
});

describe('resetBeforeBody', () => {
  it('resets the connection as soon as the headers have arrived', async () => {
    const { emulator, baseUrl } = shared();
    emulator.inject({ operation: 'createConnection', behaviour: 'resetBeforeBody' });
    const head = rawRequest('POST', CONNECTIONS_PATH, '', { 'content-length': '1000' });
    expect(await exchangeRaw(baseUrl, head)).toEqual({ end: 'reset', head: '', body: '' });
    expect(emulator.ledger.entries()).toMatchObject([
      { operation: 'createConnection', bodyBytes: 0, fault: 'resetBeforeBody' },
    ]);
  });

  it('cannot be combined with apply', async () => {
    const { emulator } = shared();
    const fault: Fault = { operation: 'createConnection', behaviour: 'resetBeforeBody', apply: true };
    expect(() => emulator.inject(fault)).toThrow(/apply: is impossible/);
  });
});

describe('huge', () => {
  it('sends 100 MB by default, with the scripted status', async () => {
    const { emulator, baseUrl } = shared();
    emulator.inject({ operation: 'listConnections', behaviour: 'huge', status: 500 });
    const [response] = (await once(get(`${baseUrl}${CONNECTIONS_PATH}`), 'response')) as [IncomingMessage];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(response, 'end');
    expect({ status: response.statusCode, bytes }).toEqual({ status: 500, bytes: 100 * 1_024 * 1_024 });
  });

  it('survives a caller that disconnects early', async () => {
    const { emulator, baseUrl, call } = shared();
    emulator.inject({ operation: 'listConnections', behaviour: 'huge' });
    const socket = await openRaw(baseUrl, rawRequest('GET', CONNECTIONS_PATH));
    await once(socket, 'data');
    socket.destroy();
    await once(socket, 'close');
    expect((await call('GET', CONNECTIONS_PATH)).status).toBe(200);
  });
});
