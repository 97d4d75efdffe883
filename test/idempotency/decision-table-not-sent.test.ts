import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { IAM_USER } from '../helpers/iam-user.js';
import { KEY, startIdempotencyGateway, startUpstream, UNAVAILABLE } from '../helpers/idempotency-gateway.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { tlsFixture } from '../helpers/tls-fixture.js';

const CALL = { idempotencyKey: KEY };
// A record would answer another input under its key with IDEMPOTENCY_KEY_REUSED.
const OTHER_CALL = { idempotencyKey: KEY, name: 'orders_2' };

describe('a create of which no byte was sent', () => {
  it('because the connection was refused leaves its key free, and the same call succeeds once DLI is back', async () => {
    const port = await closedPort();
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: `http://127.0.0.1:${port}` } });
    expect(await create(CALL)).toMatchObject(UNAVAILABLE);
    const { posts, applied } = await startUpstream({}, port);
    const { __typename, connectionId, reconciled } = await create(CALL);
    expect([__typename, reconciled]).toEqual(['CreateDatasourceConnectionSuccess', false]);
    expect([posts(), applied()]).toEqual([1, [connectionId]]);
  });

  it('because the host name does not exist leaves its key free', async () => {
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: 'https://nowhere.invalid' } });
    expect(await create(CALL)).toMatchObject(UNAVAILABLE);
    expect(await create(OTHER_CALL)).toMatchObject(UNAVAILABLE);
  });

  it.each(['valid', 'expired'] as const)(
    'because the server has a %s certificate that is not trusted connects once and leaves its key free',
    async validity => {
      const requests: string[] = [];
      const server = createTlsServer(tlsFixture(validity), request => requests.push(request.url ?? ''));
      const { host, connections } = await listen(server);
      const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: `https://${host}` } });
      expect(await create(CALL)).toMatchObject(UNAVAILABLE);
      expect([connections().length, requests]).toEqual([1, []]);
      expect(await create(OTHER_CALL)).toMatchObject(UNAVAILABLE);
    },
  );

  it('because the server does not support TLS leaves its key free', async () => {
    const { url, posts } = await startUpstream();
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url.replace('http:', 'https:') } });
    expect(await create(CALL)).toMatchObject(UNAVAILABLE);
    expect(await create(OTHER_CALL)).toMatchObject(UNAVAILABLE);
    expect(posts()).toBe(0);
  });

  it('because connecting timed out leaves its key free, and is not sent later either', async () => {
    let received = '';
    const silent = createServer(socket => socket.on('data', bytes => (received += bytes.toString('latin1'))));
    const { host, connections } = await listen(silent);
    const env = { DLI_ENDPOINT: `https://${host}`, OPERATION_TIMEOUT_MS: '4000' };
    const { create } = await startIdempotencyGateway({ env });
    expect(await create(CALL)).toMatchObject(UNAVAILABLE);
    expect(await create(OTHER_CALL)).toMatchObject(UNAVAILABLE);
    expect(connections().length).toBeGreaterThan(0);
    // Only the TLS handshake, which begins with record type 22.
    expect(received.charCodeAt(0)).toBe(22);
    expect(received).not.toContain('POST');
  });

  it('because the request for a token timed out leaves its key free', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway({
      env: { ...IAM_USER, OPERATION_TIMEOUT_MS: '1000' },
    });
    emulator.inject({ operation: 'issueToken', behaviour: 'hang' });
    expect(await create(CALL)).toMatchObject({
      __typename: 'DliUnavailableError',
      code: 'UPSTREAM_AUTH_UNAVAILABLE',
    });
    expect(await create(OTHER_CALL)).toMatchObject({ __typename: 'DliUnavailableError' });
    expect(posts()).toBe(0);
  });

  it('because IAM is down leaves its key free, and the same call succeeds once IAM is back', async () => {
    const { create, createUntil, emulator, posts } = await startIdempotencyGateway({ env: IAM_USER });
    emulator.inject({ operation: 'issueToken', status: 500 });
    expect(await create(CALL)).toMatchObject({
      __typename: 'DliUnavailableError',
      code: 'UPSTREAM_AUTH_UNAVAILABLE',
    });
    expect(posts()).toBe(0);
    expect(await createUntil('CreateDatasourceConnectionSuccess', CALL)).toMatchObject({ reconciled: false });
    expect(posts()).toBe(1);
  });
});
