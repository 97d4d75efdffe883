import { afterEach, describe, expect, it } from '@jest/globals';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closeSubscribers, openSocket } from '../http/helpers/subscribers.js';

const CLIENTS = 60;
const QUERY = { query: '{ __typename }' };
// Nothing listens there; these tests need no upstream.
const APP = 'https://app.example.com';
const ENVIRONMENT = { ...environmentFor('http://127.0.0.1:9'), CORS_ORIGINS: APP };

/** From the first signal to the second, the event loop turns every 300 ms only, as under overload. */
const BUSY_BETWEEN_SIGNALS = `
  let timer;
  const work = () => {
    const endMs = performance.now() + 300;
    while (performance.now() < endMs);
    timer = setImmediate(work);
  };
  process.on('SIGUSR2', () => {
    if (timer === undefined) work();
    else { clearImmediate(timer); timer = undefined; }
  });`;

afterEach(closeSubscribers);

describe('an overloaded gateway', () => {
  it('sheds requests with 503, is not ready but alive, and recovers', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT, { preload: BUSY_BETWEEN_SIGNALS });
    const { graphqlUrl, adminUrl } = await gateway.addresses();
    const statusOf = async (path: string) => {
      const response = await fetch(`${adminUrl}${path}`);
      return [response.status, await response.json()];
    };
    expect(await statusOf('/readyz')).toEqual([200, { status: 'ready' }]);
    // A blocked process accepts few connections, so these are opened before.
    await Promise.all(Array.from({ length: CLIENTS }, () => sendGraphql(graphqlUrl, QUERY)));
    const socket = await openSocket(graphqlUrl);
    socket.say({ type: 'connection_init' });
    expect(await socket.hear()).toEqual({ type: 'connection_ack' });

    gateway.signal('SIGUSR2');
    const refused: (GraphqlAnswer & { origin: string })[] = [];
    let isOver = false;
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      const origin = index % 2 === 0 ? APP : 'https://evil.example';
      while (!isOver) {
        const answer = await sendGraphql(graphqlUrl, QUERY, { origin });
        if (answer.status !== 200) refused.push({ ...answer, origin });
      }
    });
    let readiness = await statusOf('/readyz');
    while (readiness[0] === 200 || refused.length === 0) readiness = await statusOf('/readyz');
    expect(readiness).toEqual([503, { status: 'overloaded' }]);
    expect(await statusOf('/livez')).toEqual([200, { status: 'live' }]);
    // An open WebSocket is no way around shedding.
    const subscribed = () => {
      socket.say({ type: 'subscribe', id: 'a', payload: QUERY });
      return socket.hear();
    };
    let received = await subscribed();
    while (!JSON.stringify(received).includes('OVERLOADED')) received = await subscribed();
    expect(received).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'OVERLOADED', retryAfterSeconds: 1 } }],
    });
    // A page can read only responses that CORS allows.
    const preflight = await fetch(graphqlUrl, {
      method: 'OPTIONS',
      headers: { origin: APP, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, APP]);
    isOver = true;
    await Promise.all(clients);
    for (const { status, headers, body, origin } of refused) {
      const [retryAfter, allowed] = ['retry-after', 'access-control-allow-origin'].map(name =>
        headers.get(name),
      );
      expect({ status, retryAfter, allowed, body }).toEqual({
        status: 503,
        retryAfter: '1',
        allowed: origin === APP ? APP : null,
        body: {
          errors: [
            {
              message: 'The gateway has too much to do at the moment. Nothing was done; send it again later.',
              extensions: { code: 'OVERLOADED', traceId: headers.get('x-request-id') },
            },
          ],
        },
      });
    }

    gateway.signal('SIGUSR2');
    while ((await statusOf('/readyz'))[0] !== 200);
    expect((await sendGraphql(graphqlUrl, QUERY)).status).toBe(200);
  }, 60_000);

  it('sheds the messages of a single flooding WebSocket', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT, { preload: BUSY_BETWEEN_SIGNALS });
    const { graphqlUrl } = await gateway.addresses();
    const socket = await openSocket(graphqlUrl);
    socket.say({ type: 'connection_init' });
    expect(await socket.hear()).toEqual({ type: 'connection_ack' });

    gateway.signal('SIGUSR2');
    let received = '';
    while (!received.includes('OVERLOADED')) {
      for (let count = 0; count < CLIENTS; count += 1)
        socket.say({ type: 'subscribe', id: String(count), payload: QUERY });
      for (let count = 0; count < CLIENTS; count += 1) received += JSON.stringify(await socket.hear());
    }
    expect(received).toContain('"code":"OVERLOADED"');
  }, 60_000);

  it('sheds nothing when there are few requests, because that would not help', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT, { preload: BUSY_BETWEEN_SIGNALS });
    const { graphqlUrl } = await gateway.addresses();
    gateway.signal('SIGUSR2');
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await sendGraphql(graphqlUrl, QUERY)).status);

    expect(statuses).toEqual(Array(5).fill(200));
  });
});
