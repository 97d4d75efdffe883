import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { openRaw, rawRequest } from '../helpers/raw-connection.js';

const CREATE = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
const QUERY = rawRequest('POST', '/graphql', '{"query":"{ __typename }"}', {
  'content-type': 'application/json',
});

/** A gateway during a create, whose response DLI holds back until `finish`. */
async function startBusyGateway(preload = '') {
  const { url, emulator, release } = await startHeldUpstream();
  // The create must not time out before its response is released, even on a slow machine.
  const gateway = startGatewayProcess({ ...environmentFor(url), OPERATION_TIMEOUT_MS: '120000' }, { preload });
  const { graphqlUrl, adminUrl } = await gateway.addresses();
  const created = sendGraphql(graphqlUrl, CREATE);
  await emulator.ledger.waitFor('createConnection', 1);
  async function finish() {
    release();
    return { answer: await created, end: await gateway.end() };
  }
  return { gateway, graphqlUrl, adminUrl, emulator, created, finish };
}

async function stop(gateway: GatewayProcess, signal: NodeJS.Signals): Promise<void> {
  gateway.signal(signal);
  await gateway.find(/"msg":"stopping"/);
}

async function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  while (!pattern.test(text)) text += String((await once(socket, 'data'))[0]);
  return text;
}

/** Stops a busy gateway by SIGTERM; returns its responses before and after, and the result of the create. */
async function observeStop() {
  const { gateway, graphqlUrl, adminUrl, emulator, finish } = await startBusyGateway();
  const statusOf = async (path: string) => (await fetch(`${adminUrl}${path}`)).status;
  const create = rawRequest('POST', '/graphql', JSON.stringify(CREATE), {
    'content-type': 'application/json',
  });
  // The create starts in the same packet as the previous request, so the connection is not idle.
  const socket = await openRaw(graphqlUrl, QUERY + create.slice(0, 20));
  const before = { answer: await readUntil(socket, /__typename/), ready: await statusOf('/readyz') };

  await stop(gateway, 'SIGTERM');
  const readiness = await fetch(`${adminUrl}/readyz`);
  const after = {
    ready: readiness.status,
    readiness: await readiness.json(),
    alive: await statusOf('/livez'),
    newConnection: await refusalOf(graphqlUrl),
  };
  socket.write(create.slice(20));
  const answer = await readUntil(socket, /\r\n\r\n.+/s);
  await once(socket, 'end');
  return { gateway, emulator, before, after, answer, finished: await finish() };
}

/** Connects until the gateway refuses a connection, which may be shortly after it logged that it is stopping. */
async function refusalOf(graphqlUrl: string): Promise<unknown> {
  for (;;) {
    const refusal = await sendGraphql(graphqlUrl, CREATE).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal !== undefined) return refusal;
  }
}

/** The successful create of this connection, and an exit with 0. */
function answeredWith(emulator: Emulator) {
  const createDatasourceConnection = {
    __typename: 'CreateDatasourceConnectionSuccess',
    connectionId: emulator.connections()[0]?.connectionId,
  };
  return { answer: { status: 200, body: { data: { createDatasourceConnection } } }, end: 0 };
}

describe('a gateway that is stopped during a create', () => {
  let stopped: Awaited<ReturnType<typeof observeStop>>;

  beforeAll(async () => {
    stopped = await observeStop();
  });

  it('by SIGTERM answers the create and exits with 0', () => {
    const { gateway, finished, emulator } = stopped;
    expect(finished).toMatchObject(answeredWith(emulator));
    expect(gateway.stderr()).toBe('');
  });

  it('by SIGINT does the same, and ignores the second one, which npm forwards', async () => {
    // Within one turn of the event loop, because the time between them counts.
    const { gateway, emulator, finish } = await startBusyGateway(`process.on('SIGUSR2', () => {
      for (let times = 0; times < 2; times += 1) process.emit('SIGINT', 'SIGINT');
    });`);
    await stop(gateway, 'SIGUSR2');
    expect(await finish()).toMatchObject(answeredWith(emulator));
    expect(gateway.stderr()).toBe('');
  });

  it('stops being ready at once, but stays alive', () => {
    const { before, after } = stopped;
    expect([before.ready, after.ready, after.alive]).toEqual([200, 503, 200]);
    expect(after.readiness).toEqual({ status: 'stopping' });
  });

  it('closes the connection of the create with its response, so that it does not delay the exit', () => {
    expect(stopped.finished.answer.headers.get('connection')).toBe('close');
  });

  it('accepts no new connections', () => {
    expect(stopped.after.newConnection).toMatchObject({ message: 'fetch failed' });
  });

  it('refuses a new request on a keep-alive connection, closes it, and sends nothing to DLI', () => {
    const { before, answer, emulator } = stopped;
    expect(before.answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(answer).toMatch(/\r\ncontent-type: application\/json; charset=utf-8\r\n/);
    expect(answer).toMatch(/\r\nretry-after: 1\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toEqual({
      errors: [
        {
          message: 'The gateway is stopping. Send it again.',
          extensions: { code: 'SHUTTING_DOWN', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
        },
      ],
    });
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });
});

describe('a second signal', () => {
  it.each<[first: NodeJS.Signals, second: NodeJS.Signals, code: number]>([
    ['SIGTERM', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 143],
  ])('after %s, %s, ends the process at once with %i and leaves a create undecided', async (first, second, code) => {
    const { gateway, created } = await startBusyGateway();
    const cut = created.catch((error: unknown) => error);
    await stop(gateway, first);
    gateway.signal(second);
    expect(await gateway.end()).toBe(code);
    expect(await cut).toMatchObject({ message: 'fetch failed' });
    expect(gateway.logLines().filter(({ msg }) => msg === 'stopping')).toHaveLength(1);
  });
});
