import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { graphqlRequest, HANDSHAKE, openConnection, readToEnd } from '../helpers/raw-connection.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const MAX_OF_NETWORK = 20;
const MAX_STREAMS_OF_TENANT = 5;
const MAX_OF_TENANT = MAX_STREAMS_OF_TENANT + 100;
/** How many characters of a request without a token are sent on a held connection. */
const HELD_CHARACTERS = 20;
const LIST = `{ ${Array.from({ length: 15 }, (_, index) => `a${index}: datasourceConnections(first: 100) { items { id name state createdAt } }`).join(' ')} }`;

const opened: Socket[] = [];

afterEach(closeGateways);

/** Closes the connections at the end of a test. Otherwise the gateway would wait for their requests. */
function closeAll(): void {
  for (const socket of opened.splice(0)) socket.destroy();
}

async function open({ graphqlUrl }: TestGateway): Promise<Socket> {
  const socket = await openConnection(graphqlUrl);
  socket.on('error', () => {});
  opened.push(socket);
  return socket;
}

/** Writes a text and waits for the beginning of the answer. */
async function answered(socket: Socket, text: string): Promise<void> {
  const answer = once(socket, 'data');
  socket.write(text);
  await answer;
}

/** Writes a text at intervals until the connection is closed. */
async function writeUntilClosed(socket: Socket, text: string, intervalMs: number): Promise<void> {
  while (!socket.destroyed) {
    socket.write(text);
    await delay(intervalMs);
  }
}

describe('a connection', () => {
  it('is closed when its client reads no responses for 20 s', async () => {
    expect(CLIENT_TIMEOUTS.responseMs).toBe(20_000);
    const clientTimeouts = { ...PATIENT_TIMEOUTS, responseMs: 500, checkIntervalMs: 100 };
    const gateway = await startGateway({ limits: { clientTimeouts }, env: { READ_FRESHNESS_MS: '60000' } });
    // Responses so large that a few of them fill the buffers of the operating system.
    const name = 'n'.repeat(2_000);
    for (let index = 0; index < 100; index += 1) gateway.emulator.seedConnection({ name });
    expect((await gateway.send({ query: LIST })).status).toBe(200);
    const socket = await open(gateway);
    socket.pause();

    // One at a time, to stay below the pipelining limit. What the operating system buffers counts as read.
    await writeUntilClosed(socket, graphqlRequest(LIST), 100);
    expect((await gateway.send({ query: LIST })).status).toBe(200);
  });

  it.each([
    ['invalid HTTP', 'nonsense\r\n\r\n'],
    [
      'an invalid handshake',
      'GET /graphql HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    ],
    ['a handshake whose path cannot be decoded', HANDSHAKE.replace('/graphql', '/graphql/%zz')],
  ])('is closed after the response to %s, even if its client keeps it open', async (_what, text) => {
    const gateway = await startGateway({ limits: { clientTimeouts: PATIENT_TIMEOUTS } });
    const socket = await open(gateway);
    // Otherwise this end would close as soon as the server closes its own.
    socket.allowHalfOpen = true;
    const answer = readToEnd(socket);
    socket.write(text);
    await writeUntilClosed(socket, 'x', 50);
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is closed after 30 s without a request, even if empty lines arrive', async () => {
    expect(CLIENT_TIMEOUTS.idleMs).toBe(30_000);
    const clientTimeouts = { ...PATIENT_TIMEOUTS, idleMs: 500, checkIntervalMs: 100 };
    const gateway = await startGateway({ limits: { clientTimeouts } });
    const socket = await open(gateway);
    await writeUntilClosed(socket.resume(), '\r\n', 50);
    expect(gateway.log()).toContain('"reason":"idle"');
  });

  it('may be idle for 75 s after a response, which announces this', async () => {
    const gateway = await startGateway();
    const socket = await open(gateway);
    socket.write(graphqlRequest('{ __typename }'));
    expect(String((await once(socket, 'data'))[0])).toMatch(/^keep-alive: timeout=75(, max=\d+)?\r$/im);
  });

  it('is closed when it has been idle for KEEP_ALIVE_TIMEOUT_MS after a response', async () => {
    const clientTimeouts = { ...PATIENT_TIMEOUTS, idleMs: 100, checkIntervalMs: 50 };
    const gateway = await startGateway({ limits: { clientTimeouts }, env: { KEEP_ALIVE_TIMEOUT_MS: '1000' } });
    const socket = await open(gateway);
    const startedMs = performance.now();
    const answer = readToEnd(socket);
    socket.write(graphqlRequest('{ __typename }'));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    // Longer than a connection may be idle before its first request. Timers have a resolution of one millisecond.
    expect(performance.now() - startedMs).toBeGreaterThan(990);
  });

  it('is closed 10 s after that timeout if empty lines arrive', async () => {
    expect(CLIENT_TIMEOUTS.headersMs).toBe(10_000);
    const clientTimeouts = { ...PATIENT_TIMEOUTS, headersMs: 500, checkIntervalMs: 100 };
    const gateway = await startGateway({ limits: { clientTimeouts }, env: { KEEP_ALIVE_TIMEOUT_MS: '1000' } });
    const socket = await open(gateway);
    socket.resume().write(graphqlRequest('{ __typename }'));
    await writeUntilClosed(socket, '\r\n', 50);
    expect(gateway.log()).toContain('"reason":"idle"');
  });
});

/** A connection with a request whose body is incomplete. */
async function hold(gateway: TestGateway, token?: string): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = await open(gateway);
  const answer = readToEnd(socket);
  socket.write(graphqlRequest('{ __typename }', bearer(token)).slice(0, token === undefined ? HELD_CHARACTERS : -1));
  return { socket, answer };
}

/** Opens connections that send the start of a request, and returns those that the server did not close. */
async function holdAll(gateway: TestGateway, count: number): Promise<Socket[]> {
  const held = await Promise.all(Array.from({ length: count }, () => hold(gateway)));
  // Connections are accepted in order, so the fate of the earlier ones is known once that of this one is.
  const last = await hold(gateway);
  await Promise.race([last.answer, delay(100)]);
  return held.map(({ socket }) => socket).filter(socket => !socket.destroyed);
}

describe('open connections', () => {
  const start = (env = {}, connectionsPerNetwork = MAX_OF_NETWORK): Promise<TokenGateway> =>
    startTokenGateway(env, {
      limits: { clientTimeouts: PATIENT_TIMEOUTS, connectionsPerNetwork, connectionsPerTenant: MAX_STREAMS_OF_TENANT },
    });

  it('before sign-in are limited for each network: another one closes the one that has been idle longest', async () => {
    const gateway = await start();
    const token = await gateway.sign();
    // These count towards the tenant's limit.
    for (let index = 0; index < MAX_OF_NETWORK; index += 1)
      await answered(await open(gateway), graphqlRequest('{ __typename }', bearer(token)));
    const held: Awaited<ReturnType<typeof hold>>[] = [];
    while (held.length < MAX_OF_NETWORK) held.push(await hold(gateway));
    const [first, second] = held;
    if (first !== undefined) await answered(first.socket, graphqlRequest('{ __typename }').slice(HELD_CHARACTERS));

    expect((await gateway.ask(token)).status).toBe(200);
    expect(await second?.answer).toBe('');
    expect(held.map(({ socket }) => socket.destroyed)).toEqual(held.map(connection => connection === second));
    closeAll();
  });

  it('before sign-in are limited for each network: another one is closed while all of them are in use', async () => {
    const gateway = await start();
    const token = await gateway.sign();
    const held: Socket[] = [];
    while (held.length < MAX_OF_NETWORK) {
      const socket = await open(gateway);
      await answered(socket, HANDSHAKE);
      held.push(socket);
    }

    expect(await (await hold(gateway)).answer).toBe('');
    expect(held.filter(socket => socket.destroyed)).toHaveLength(0);
    expect(gateway.log()).toContain('"reason":"too many","address":"127.0.0.1","msg":"connection closed"');
    held[0]?.destroy();
    while ((await gateway.ask(token).catch(() => undefined))?.status !== 200) await delay(10);
    closeAll();
  });

  it('of a trusted proxy are not limited, since they are shared by many callers', async () => {
    const gateway = await start({ TRUST_PROXY: '127.0.0.0/8' });
    expect(await holdAll(gateway, 2 * MAX_OF_NETWORK)).toHaveLength(2 * MAX_OF_NETWORK);
    const token = await gateway.sign();
    for (let index = 0; index <= MAX_OF_TENANT; index += 1) await hold(gateway, token);
    expect((await gateway.ask(token)).status).toBe(200);
    closeAll();
  });

  it('of one tenant are limited, no matter what they are used for, and other tenants are served', async () => {
    // All of them may be open before the first token has been checked, so they count for the network, too.
    const gateway = await start({}, 2 * MAX_OF_TENANT);
    const greedy = await gateway.sign({ claims: { sub: 'greedy' } });
    for (let index = 0; index < MAX_OF_TENANT; index += 1) await hold(gateway, greedy);
    const askOnNewConnection = () => gateway.ask(greedy, { connection: 'close' });
    let refused = await askOnNewConnection();
    // A request on a new connection may overtake the held ones and take the place of one of them.
    while (refused.status === 200) {
      await hold(gateway, greedy);
      refused = await askOnNewConnection();
    }

    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')]).toEqual([
      429,
      '5',
      'close',
    ]);
    expect(refused.body.errors).toMatchObject([
      { message: 'Your tenant holds 600 connections open. Close some, or try again later.' },
    ]);
    const named = { tenant: 'greedy', subject: 'greedy', address: '127.0.0.1' };
    expect(gateway.audit().at(-1)).toMatchObject({ ...named, code: 'RATE_LIMITED', reason: 'too many connections' });
    expect((await gateway.ask(await gateway.sign({ claims: { sub: 'modest' } }))).status).toBe(200);
    closeAll();
  });
});
