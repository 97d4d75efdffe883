import { afterEach, describe, expect, it } from '@jest/globals';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { exchange, failuresIn } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { closeSubscribers, openSocket, openSubscriber, WATCH } from '../helpers/subscribers.js';

const APP = 'https://app.example.com';
// Long enough for a slow machine to answer.
const PING_MS = 2_000;

const shared = shareGateway({ env: { CORS_ORIGINS: APP } });

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

function subscribeMessage(id: string, connectionId = 'none') {
  return { type: 'subscribe', id, payload: { query: WATCH, variables: { id: connectionId } } };
}

describe('the origin of a WebSocket handshake', () => {
  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['null', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['another host name that resolves to this machine', { host: 'evil.example', origin: 'http://evil.example' }],
  ])('is refused before anything else when it is %s', async (_what, headers) => {
    const { graphqlUrl } = shared();
    const refused = await openSocket(graphqlUrl, headers).catch(error => error);
    expect(refused).toMatchObject({ status: 403, headers: { 'x-content-type-options': 'nosniff' } });
    expect(JSON.parse(refused.body)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  });

  it('may be this server or a listed origin', async () => {
    const { graphqlUrl } = shared();
    for (const origin of [APP, new URL(graphqlUrl).origin]) {
      const { sendMessage, nextMessage } = await openSocket(graphqlUrl, { origin });
      sendMessage({ type: 'connection_init' });
      expect(await nextMessage()).toEqual({ type: 'connection_ack' });
    }
  });
});

describe('an upgrade', () => {
  it.each([
    ['with too many headers', 431, Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, 'a']))],
    ['with an invalid host', 400, { host: 'a b' }],
  ])('is refused %s, like any other request: %s', async (_what, status, headers) => {
    const { graphqlUrl } = shared();
    expect(await openSocket(graphqlUrl, headers).catch(error => error)).toMatchObject({ status });
  });

  it('is refused on other paths, and its connection closes', async () => {
    const { graphqlUrl } = shared();
    const answer = await exchange(graphqlUrl, upgrade('/elsewhere', 'websocket'));
    expect(failuresIn(answer)).toMatchObject([
      { status: 404, body: { errors: [{ extensions: { code: 'NOT_FOUND' } }] } },
    ]);
  });

  it('with an invalid handshake gets a JSON error', async () => {
    const { graphqlUrl } = shared();
    const answer = await exchange(graphqlUrl, upgrade('/graphql', 'websocket', 'sec-websocket-version: 13\r\n'));
    expect(failuresIn(answer)).toMatchObject([
      { status: 400, body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] } },
    ]);
  });

  it.each(['h2c', 'websocket'])('to %s is ignored when it comes with a query', async protocol => {
    const { graphqlUrl } = shared();
    const body = '{"query":"{ __typename }"}';
    const answer = await exchange(
      graphqlUrl,
      `POST /graphql HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade, close\r\nupgrade: ${protocol}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('{"data":{"__typename":"Query"}}');
  });

  it('to another protocol than WebSocket is ignored', async () => {
    const { graphqlUrl } = shared();
    expect(failuresIn(await exchange(graphqlUrl, upgrade('/graphql', 'h2c, close')))).toMatchObject([{ status: 400 }]);
  });
});

describe('a WebSocket', () => {
  it('is closed for an unknown subprotocol', async () => {
    const { graphqlUrl } = shared();
    const { closed } = await openSocket(graphqlUrl, {}, 'graphql-ws').catch(error => ({ closed: error }));
    expect(await closed).toMatchObject({ message: 'Server sent no subprotocol' });
  });

  it('is closed without connection_init within 3 s', async () => {
    expect(CLIENT_TIMEOUTS.connectionInitMs).toBe(3_000);
    const { graphqlUrl } = await startGateway({
      limits: { clientTimeouts: { ...CLIENT_TIMEOUTS, connectionInitMs: 100 } },
    });
    const { closed } = await openSocket(graphqlUrl);
    expect(await closed).toMatchObject({ code: 4408 });
  });

  it.each([
    ['before connection_init', 4401, JSON.stringify(subscribeMessage('a'))],
    ['that is not a graphql-ws message', 4400, 'zq7canary'],
    ['of more than 64 KiB', 1009, JSON.stringify({ type: 'connection_init', payload: { a: 'x'.repeat(65_536) } })],
  ])('is closed for a message %s: %s', async (_what, code, message) => {
    const gateway = shared();
    const { sendMessage, closed } = await openSocket(gateway.graphqlUrl);
    sendMessage(message);
    expect(await closed).toMatchObject({ code });
    expect(gateway.log()).not.toMatch(/zq7canary|internal error/);
  });

  it('is closed for a subscription id longer than 128 characters', async () => {
    const { graphqlUrl } = shared();
    const { sendMessage, closed } = await openSubscriber(graphqlUrl);
    sendMessage(subscribeMessage('a'.repeat(129)));
    expect(await closed).toMatchObject({ code: 4400 });
  });

  it('gives every subscription its own trace id', async () => {
    const { graphqlUrl } = shared();
    const { sendMessage, nextMessage } = await openSubscriber(graphqlUrl);
    const ids = new Set<string>();
    for (const id of ['a', 'b']) {
      sendMessage({ type: 'subscribe', id, payload: { query: '{ __typename }' } });
      ids.add(JSON.stringify((await nextMessage()).payload));
    }
    expect(ids.size).toBe(2);
  });

  it('carries 1,000 subscriptions, and refuses the next one', async () => {
    const { graphqlUrl, emulator } = await startGateway({ env: { FOLLOW_INTERVAL_MS: '60000' } });
    const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
    const { sendMessage, nextMessage } = await openSubscriber(graphqlUrl);
    for (let count = 1; count <= 1_000; count += 1) {
      sendMessage(subscribeMessage(String(count), connectionId));
      // In batches, so that the gateway does not shed load.
      if (count % 50 === 0)
        for (let received = 0; received < 50; received += 1)
          expect(await nextMessage()).toMatchObject({ type: 'next' });
    }
    sendMessage(subscribeMessage('1001', connectionId));

    expect(await nextMessage()).toMatchObject({
      type: 'error',
      id: '1001',
      payload: [{ extensions: { code: 'RATE_LIMITED' } }],
    });
  });

  it('is closed when its client does not read responses', async () => {
    const gateway = shared();
    const { socket, sendMessage } = await openSubscriber(gateway.graphqlUrl);
    socket.pause();
    const text = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(60_000) } });
    const ended = new Promise<void>(resolve => {
      const timer = setInterval(() => {
        if (socket.readyState === socket.OPEN) for (let count = 0; count < 20; count += 1) sendMessage(text);
        else resolve(clearInterval(timer));
      }, 10);
    });
    await ended;
    expect(gateway.log()).not.toContain('internal error');
  });
});

describe('idle WebSockets', () => {
  it('are closed within 30 s when their clients do not answer pings, and kept when they do', async () => {
    // A socket with an unanswered ping is closed when the next one is due.
    expect(2 * CLIENT_TIMEOUTS.pingIntervalMs).toBeLessThan(30_000);
    const { graphqlUrl } = await startGateway({
      limits: { clientTimeouts: { ...CLIENT_TIMEOUTS, pingIntervalMs: PING_MS } },
    });
    const open = async (autoPong: boolean) => {
      const { socket, sendMessage, nextMessage, closed } = await openSocket(graphqlUrl, {}, undefined, { autoPong });
      let pings = 0;
      socket.on('ping', () => {
        pings += 1;
      });
      sendMessage({ type: 'connection_init' });
      expect(await nextMessage()).toEqual({ type: 'connection_ack' });
      return { socket, closed, pings: () => pings };
    };
    const responsive = await open(true);
    const silent = await open(false);

    expect(await silent.closed).toMatchObject({ code: 1006 });
    expect(silent.pings()).toBe(1);
    expect(responsive.pings()).toBeGreaterThan(0);
    expect(responsive.socket.readyState).toBe(responsive.socket.OPEN);
  });
});

/** The text of an upgrade request. */
function upgrade(path: string, protocol: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade, close\r\nupgrade: ${protocol}\r\n${more}\r\n`;
}
