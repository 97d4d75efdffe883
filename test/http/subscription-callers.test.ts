import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import type { Transport } from '../helpers/subscribers.js';
import {
  closeSubscribers,
  nextOf,
  openSocket,
  openSubscriber,
  readAll,
  subscribe,
  WATCH,
} from '../helpers/subscribers.js';
import { bearer, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';
import { destroyConnection } from '../helpers/token-issuer.js';

const TRANSPORTS: [Transport][] = [['graphql-ws'], ['graphql-sse']];
const MINUTE_MS = 60_000;

const shared = shareTokenGateway();

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

function requestFor(id: string) {
  return { query: WATCH, variables: { id } };
}

/** An expired token that the gateway, which has fetched the keys, accepts for a few more seconds (clock tolerance). */
async function signExpiring() {
  const gateway = shared();
  await gateway.ask(await gateway.sign());
  return gateway.sign({ claims: { exp: Math.floor(gateway.clock.epochMs() / 1_000) } });
}

describe.each(TRANSPORTS)('a subscriber by %s', transport => {
  it('is served with a valid token', async () => {
    const events = subscribe(transport, shared().graphqlUrl, requestFor('none'), await shared().sign());
    expect(await readAll(events)).toEqual([{ data: { datasourceConnection: null } }]);
  });

  it('needs the read scope', async () => {
    const token = await shared().sign({ claims: { scope: 'dli:connection:create' } });
    const received = await readAll(subscribe(transport, shared().graphqlUrl, requestFor('none'), token));
    expect(received).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    expect(shared().emulator.ledger.count()).toBe(0);
  });

  it('gets an error after 30 minutes, with advice to subscribe again', async () => {
    const clock = createTestClock();
    const dliClock = createManualClock();
    const gateway = await startGateway({
      clock,
      env: { FOLLOW_INTERVAL_MS: '100' },
      emulator: { creationMs: 500, now: dliClock.epochMs },
    });
    const { connectionId } = gateway.emulator.seedConnection();
    const events = subscribe(transport, gateway.graphqlUrl, requestFor(connectionId));
    await nextOf(events);
    clock.advance(30 * MINUTE_MS);
    dliClock.advance(500);

    expect(await readAll(events)).toMatchObject([
      { errors: [{ message: 'Subscribe again to continue.', extensions: { code: 'SUBSCRIPTION_ENDED' } }] },
    ]);
  });
});

describe('a subscriber whose token expires', () => {
  const ENDED = {
    errors: [
      {
        message: 'Your access token has expired. Sign in again, then subscribe again.',
        extensions: { code: 'SUBSCRIPTION_ENDED', traceId: expect.any(String) },
      },
    ],
  };

  // At once, because the token expires after some seconds.
  it('gets the last events, then an error with advice to sign in again; its WebSocket is closed with 4403', async () => {
    const gateway = shared();
    const token = await signExpiring();
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const received = TRANSPORTS.map(async ([transport]) => ({
      transport,
      events: await readAll(subscribe(transport, gateway.graphqlUrl, requestFor(connectionId), token)),
    }));
    const { sendMessage, nextMessage, closed } = await openSocket(gateway.graphqlUrl);
    sendMessage({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await nextMessage();
    sendMessage({ type: 'subscribe', id: 'a', payload: requestFor(connectionId) });

    expect(await nextMessage()).toMatchObject({ type: 'next', id: 'a' });
    expect(await nextMessage()).toMatchObject({ type: 'next', payload: { errors: [{}] } });
    expect(await nextMessage()).toEqual({ type: 'complete', id: 'a' });
    // Clients of graphql-ws give up after 4401, but reconnect with a new token after this code.
    expect(await closed).toEqual({ code: 4403, reason: 'The access token has expired' });
    expect(await Promise.all(received)).toMatchObject(
      TRANSPORTS.map(([transport]) => ({
        transport,
        events: [{ data: { datasourceConnection: { state: 'CREATING' } } }, ENDED],
      })),
    );
  });
});

describe('a WebSocket', () => {
  it.each(['authorization', 'Authorization'])('accepts the token in connection_init, as %s', async name => {
    const { sendMessage, nextMessage } = await openSocket(shared().graphqlUrl);
    sendMessage({ type: 'connection_init', payload: { [name]: `Bearer ${await shared().sign()}` } });
    expect(await nextMessage()).toEqual({ type: 'connection_ack' });
  });

  it('accepts the token in the headers of the upgrade', async () => {
    const { sendMessage, nextMessage } = await openSocket(shared().graphqlUrl, bearer(await shared().sign()));
    sendMessage({ type: 'connection_init' });
    expect(await nextMessage()).toEqual({ type: 'connection_ack' });
  });

  it.each([
    ['no token', undefined, 'no token'],
    ['a token that is not a JWT', { authorization: 'Bearer zq7canary' }, 'no JWT'],
    ['a token that is not a string', { authorization: { zq7canary: 1 } }, 'no token'],
    [
      'an invalid token',
      { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ6cTcifQ.zq7canary' },
      expect.any(String),
    ],
  ])('is closed with 4401 for %s, which is audited', async (_what, payload, reason) => {
    const gateway = shared();
    const { sendMessage, closed } = await openSocket(gateway.graphqlUrl);
    sendMessage({ type: 'connection_init', payload });

    expect(await closed).toEqual({ code: 4401, reason: 'Authentication required' });
    expect(gateway.audit()).toMatchObject([{ code: 'UNAUTHENTICATED', reason, address: '127.0.0.1' }]);
    expect(gateway.log()).not.toContain('zq7canary');
  });

  it('is closed with 1013 while the JWKS is unavailable', async () => {
    const gateway = shared();
    const token = await gateway.sign();
    gateway.issuer.instead = destroyConnection;
    const { sendMessage, closed } = await openSocket(gateway.graphqlUrl);
    sendMessage({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });

    expect(await closed).toEqual({ code: 1013, reason: expect.stringMatching(/^Try again in \d+ s$/) });
    expect(gateway.audit()).toMatchObject([{ code: 'AUTH_UNAVAILABLE' }]);
  });

  it('is closed with 1013 after too many rejected tokens from its address', async () => {
    const gateway = await startTokenGateway({ RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '1' });
    const payload = { authorization: `Bearer ${await gateway.sign({ claims: { aud: 'other' } })}` };
    const codes: number[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { sendMessage, closed } = await openSocket(gateway.graphqlUrl);
      sendMessage({ type: 'connection_init', payload });
      codes.push((await closed).code);
    }
    expect(codes.at(0)).toBe(4401);
    expect(codes.at(-1)).toBe(1013);
  });

  it('is closed with 4403 at once by a subscribe message after its token has expired', async () => {
    const gateway = shared();
    const { sendMessage, nextMessage, closed } = await openSubscriber(gateway.graphqlUrl, bearer(await gateway.sign()));
    gateway.clock.advance(6 * MINUTE_MS);
    sendMessage({ type: 'subscribe', id: 'a', payload: requestFor('none') });
    expect(await Promise.race([nextMessage(), closed])).toEqual({
      code: 4403,
      reason: 'The access token has expired',
    });
  });
});

describe('an event stream', () => {
  it.each(['', '/stream'])('is refused without a token before its body is read: %s', async path => {
    const response = await fetch(`${shared().graphqlUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: '{',
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});
