import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NO_ID } from '../helpers/deletion.js';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { sendGraphql } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import type { HeldUpstream } from '../helpers/held-upstream.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import type { RawSocket } from '../http/helpers/subscribers.js';
import { closeSubscribers, openSocket } from '../http/helpers/subscribers.js';

// A gateway takes 50 requests at a time for many.
const MANY = 60;
const QUERY = { query: '{ __typename }' };
const QUERY_OF_DLI = { query: `{ datasourceConnection(id: "${NO_ID}") { id } }` };
const APP = 'https://app.example.com';
const ENVIRONMENT = {
  CORS_ORIGINS: APP,
  OPERATION_TIMEOUT_MS: '120000',
  // As it is where nobody has set it.
  MAX_EVENT_LOOP_DELAY_MS: '',
};

/** From the first signal to the second the process comes round every 300 ms only, as one with too much to do. */
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

/** Sends once more when a connection that was kept open is ended just then. */
function persistently<T>(send: () => Promise<T>): Promise<T> {
  return send().catch((error: unknown) => {
    if (error instanceof TypeError) return send();
    throw error;
  });
}

describe('a gateway that does its work too late', () => {
  let gateway: GatewayProcess;
  let graphqlUrl: string;
  let adminUrl: string;
  let upstream: HeldUpstream;

  beforeAll(async () => {
    upstream = await startHeldUpstream();
    const environment = { ...environmentFor(upstream.url), ...ENVIRONMENT };
    gateway = startGatewayProcess(environment, { preload: BUSY_BETWEEN_SIGNALS });
    ({ graphqlUrl, adminUrl } = await gateway.addresses());
  });

  async function statusOf(path: string): Promise<[status: number, body: unknown]> {
    const response = await persistently(() => fetch(`${adminUrl}${path}`));
    return [response.status, await response.json()];
  }

  /** Lets it do its work too late meanwhile; it has recovered when this is over. */
  async function whileBusy(work: () => Promise<void>): Promise<void> {
    gateway.signal('SIGUSR2');
    try {
      await work();
    } finally {
      gateway.signal('SIGUSR2');
    }
    while ((await statusOf('/readyz'))[0] !== 200);
  }

  /** A WebSocket whose client has been let in. */
  async function openSubscriber() {
    const socket = await openSocket(graphqlUrl);
    socket.say({ type: 'connection_init' });
    expect(await socket.hear()).toEqual({ type: 'connection_ack' });
    return socket;
  }

  it('refuses what it cannot do with 503, is not ready but alive, and recovers', async () => {
    expect(await statusOf('/readyz')).toEqual([200, { status: 'ready' }]);
    // A process that seldom comes round accepts few connections, so all are opened before: the socket first, as
    // the others might be too much at a time on a slow machine.
    const socket = await openSubscriber();
    const waiting = Array.from({ length: MANY }, async () => {
      const ask = () => persistently(() => sendGraphql(graphqlUrl, QUERY_OF_DLI));
      while ((await ask()).status !== 200);
    });
    // Connections are accepted in their order, and so is this one after all of those.
    await persistently(() => sendGraphql(graphqlUrl, QUERY));
    await whileBusy(() => overload(socket));
    upstream.release();
    await Promise.all(waiting);
    expect((await sendGraphql(graphqlUrl, QUERY)).status).toBe(200);
  });

  async function overload(socket: RawSocket): Promise<void> {
    const refused: (GraphqlAnswer & { origin: string })[] = [];
    let isOver = false;
    const clients = [APP, 'https://evil.example'].map(async origin => {
      while (!isOver || !refused.some(answer => answer.origin === origin)) {
        const answer = await persistently(() => sendGraphql(graphqlUrl, QUERY, { origin }));
        if (answer.status !== 200) refused.push({ ...answer, origin });
      }
    });
    let readiness = await statusOf('/readyz');
    while (readiness[0] === 200 || refused.length === 0) readiness = await statusOf('/readyz');
    expect(readiness).toEqual([503, { status: 'overloaded' }]);
    expect(await statusOf('/livez')).toEqual([200, { status: 'live' }]);
    // A socket that was opened before is no way around.
    const subscribed = () => {
      socket.say({ type: 'subscribe', id: 'a', payload: QUERY });
      return socket.hear();
    };
    let told = await subscribed();
    while (!JSON.stringify(told).includes('OVERLOADED')) told = await subscribed();
    expect(told).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'OVERLOADED', retryAfterSeconds: 1 } }],
    });
    // A page learns only of what it may ask for.
    const preflight = await persistently(() =>
      fetch(graphqlUrl, {
        method: 'OPTIONS',
        headers: { origin: APP, 'access-control-request-method': 'POST' },
      }),
    );
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
  }

  it('refuses what one WebSocket floods it with, when nobody else calls', async () => {
    const socket = await openSubscriber();
    let told = '';
    await whileBusy(async () => {
      while (!told.includes('OVERLOADED')) {
        for (let count = 0; count < MANY; count += 1)
          socket.say({ type: 'subscribe', id: String(count), payload: QUERY });
        for (let count = 0; count < MANY; count += 1) told += JSON.stringify(await socket.hear());
      }
    });
    expect(told).toContain('"code":"OVERLOADED"');
  });

  it('with little to do refuses nothing, because that would not help', async () => {
    const statuses: number[] = [];
    await whileBusy(async () => {
      for (let count = 0; count < 5; count += 1) statuses.push((await sendGraphql(graphqlUrl, QUERY)).status);
    });

    expect(statuses).toEqual(Array(5).fill(200));
  });
});
