import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NO_ID } from '../helpers/deletion.js';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { sendGraphql } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import type { HeldUpstream } from '../helpers/held-upstream.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { startEarly } from '../helpers/start-early.js';
import type { RawSocket } from '../helpers/subscribers.js';
import { closeSubscribers, openSubscriber } from '../helpers/subscribers.js';
import { bearer } from '../helpers/token-gateway.js';
import { AUDIENCE, startTokenIssuer } from '../helpers/token-issuer.js';

// A gateway sheds nothing below 50 requests at a time.
const MANY = 60;
const PAUSE_MS = 50;
const QUERY = { query: '{ __typename }' };
const QUERY_OF_DLI = { query: `{ datasourceConnection(id: "${NO_ID}") { id } }` };
const APP = 'https://app.example.com';
const ENVIRONMENT = {
  CORS_ORIGINS: APP,
  OPERATION_TIMEOUT_MS: '120000',
  // The default.
  MAX_EVENT_LOOP_DELAY_MS: '',
};

/** Between the first signal and the second, the event loop turns only every `turnMs`, as under overload. */
const busyBetweenSignals = (turnMs: number) => `
  const never = new Int32Array(new SharedArrayBuffer(4));
  let timer;
  const work = () => {
    Atomics.wait(never, 0, 0, ${turnMs});
    timer = setImmediate(work);
  };
  process.on('SIGUSR2', () => {
    if (timer === undefined) work();
    else { clearImmediate(timer); timer = undefined; }
  });`;

afterEach(closeSubscribers);

/** Retries once when a keep-alive connection was closed in the meantime. */
function withRetry<T>(send: () => Promise<T>): Promise<T> {
  return send().catch((error: unknown) => {
    if (error instanceof TypeError) return send();
    throw error;
  });
}

const floodedByTenant = startEarly(async () => {
  const issuer = await startTokenIssuer();
  const upstream = await startHeldUpstream();
  const environment = {
    ...environmentFor(upstream.url),
    CALLER_AUTH: 'jwt',
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: AUDIENCE,
    MAX_EVENT_LOOP_DELAY_MS: '50',
  };
  const gateway = startGatewayProcess(environment, { preload: busyBetweenSignals(150) });
  return async () => {
    const { graphqlUrl } = await gateway.addresses();
    const [hostile, modest] = await Promise.all(['hostile', 'modest'].map(sub => issuer.sign({ claims: { sub } })));
    const ask = (token?: string) => withRetry(() => sendGraphql(graphqlUrl, QUERY, bearer(token)));
    // A blocked process accepts few connections, so all are opened before.
    await Promise.all([modest, ...Array(MANY).fill(hostile)].map(ask));

    const shed: GraphqlAnswer[] = [];
    let isOver = false;
    gateway.signal('SIGUSR2');
    const flood = Array.from({ length: MANY }, async () => {
      while (!isOver) {
        const answer = await ask(hostile);
        if (answer.status !== 200) shed.push(answer);
      }
    });
    while (shed.length === 0) await delay(PAUSE_MS);
    const statusesOfModest: number[] = [];
    for (let count = 0; count < 3; count += 1) statusesOfModest.push((await ask(modest)).status);
    isOver = true;
    gateway.signal('SIGUSR2');
    await Promise.all(flood);
    return { statusesOfModest, shed };
  };
});

describe('an overloaded gateway', () => {
  let gateway: GatewayProcess;
  let graphqlUrl: string;
  let adminUrl: string;
  let upstream: HeldUpstream;

  beforeAll(async () => {
    upstream = await startHeldUpstream();
    const environment = { ...environmentFor(upstream.url), ...ENVIRONMENT };
    gateway = startGatewayProcess(environment, { preload: busyBetweenSignals(300) });
    ({ graphqlUrl, adminUrl } = await gateway.addresses());
  });

  async function statusOf(path: string): Promise<[status: number, body: unknown]> {
    const response = await withRetry(() => fetch(`${adminUrl}${path}`));
    return [response.status, await response.json()];
  }

  /** Overloads the gateway while `work` runs, and waits until it has recovered. */
  async function whileBusy(work: () => Promise<void>): Promise<void> {
    gateway.signal('SIGUSR2');
    try {
      await work();
    } finally {
      gateway.signal('SIGUSR2');
    }
    while ((await statusOf('/readyz'))[0] !== 200) await delay(PAUSE_MS);
  }

  it('sheds requests with 503, is not ready but alive, and recovers', async () => {
    expect(await statusOf('/readyz')).toEqual([200, { status: 'ready' }]);
    // A blocked process accepts few connections, so all are opened before; the socket first, because the others may
    // already overload a slow machine.
    const socket = await openSubscriber(graphqlUrl);
    const waiting = Array.from({ length: MANY }, async () => {
      const ask = () => withRetry(() => sendGraphql(graphqlUrl, QUERY_OF_DLI));
      while ((await ask()).status !== 200) await delay(PAUSE_MS);
    });
    // Connections are accepted in order, so the others are open when this one is.
    await withRetry(() => sendGraphql(graphqlUrl, QUERY));
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
        const answer = await withRetry(() => sendGraphql(graphqlUrl, QUERY, { origin }));
        if (answer.status !== 200) refused.push({ ...answer, origin });
      }
    });
    let readiness = await statusOf('/readyz');
    while (readiness[0] === 200 || refused.length === 0) readiness = await statusOf('/readyz');
    expect(readiness).toEqual([503, { status: 'overloaded' }]);
    await Promise.all([staysLive(), shedsMessages(socket), allowsPages()]);
    isOver = true;
    await Promise.all(clients);
    for (const { status, headers, body, origin } of refused) {
      const [retryAfter, allowed] = ['retry-after', 'access-control-allow-origin'].map(name => headers.get(name));
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

  async function staysLive(): Promise<void> {
    expect(await statusOf('/livez')).toEqual([200, { status: 'live' }]);
  }

  // An open WebSocket does not bypass shedding.
  async function shedsMessages(socket: RawSocket): Promise<void> {
    const subscribed = () => {
      socket.sendMessage({ type: 'subscribe', id: 'a', payload: QUERY });
      return socket.nextMessage();
    };
    let received = await subscribed();
    while (!JSON.stringify(received).includes('OVERLOADED')) received = await subscribed();
    expect(received).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'OVERLOADED', retryAfterSeconds: 1 } }],
    });
  }

  // A page can read only responses that CORS allows.
  async function allowsPages(): Promise<void> {
    const preflight = await withRetry(() =>
      fetch(graphqlUrl, {
        method: 'OPTIONS',
        headers: { origin: APP, 'access-control-request-method': 'POST' },
      }),
    );
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, APP]);
  }

  it('sheds the messages of a single flooding WebSocket', async () => {
    const socket = await openSubscriber(graphqlUrl);
    let received = '';
    await whileBusy(async () => {
      while (!received.includes('OVERLOADED')) {
        for (let count = 0; count < MANY; count += 1)
          socket.sendMessage({ type: 'subscribe', id: String(count), payload: QUERY });
        for (let count = 0; count < MANY; count += 1) received += JSON.stringify(await socket.nextMessage());
      }
    });
    expect(received).toContain('"code":"OVERLOADED"');
  });

  it('sheds nothing when there are few requests, because that would not help', async () => {
    const statuses: number[] = [];
    await whileBusy(async () => {
      for (let count = 0; count < 5; count += 1) statuses.push((await sendGraphql(graphqlUrl, QUERY)).status);
    });

    expect(statuses).toEqual(Array(5).fill(200));
  });
});

describe('an overloaded gateway with tenants', () => {
  it('sheds requests of the tenant that floods it, and serves the other', async () => {
    const { statusesOfModest, shed } = await floodedByTenant();
    expect(statusesOfModest).toEqual([200, 200, 200]);
    for (const { status, headers, body } of shed)
      expect([status, headers.get('retry-after'), body.errors?.[0]?.extensions.code]).toEqual([503, '1', 'OVERLOADED']);
  });
});
