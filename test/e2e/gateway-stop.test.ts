import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { openRaw, rawRequest } from '../emulator/helpers/raw-client.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';

const CREATE = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
const QUERY = rawRequest('POST', '/graphql', '{"query":"{ __typename }"}', {
  'content-type': 'application/json',
});

/** A gateway during a create, whose response DLI holds back until `finish`. */
async function startBusyGateway() {
  const { url, emulator, release } = await startHeldUpstream();
  const gateway = startGatewayProcess(environmentFor(url));
  const { graphqlUrl, adminUrl } = await gateway.addresses();
  const created = sendGraphql(graphqlUrl, CREATE);
  await emulator.ledger.waitFor('createConnection', 1);
  async function finish() {
    release();
    return { answer: await created, end: await gateway.end() };
  }
  return { gateway, graphqlUrl, adminUrl, emulator, finish };
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

describe('a gateway that is stopped during a create', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s answers the create and exits with 0', async signal => {
    const { gateway, finish, emulator } = await startBusyGateway();
    await stop(gateway, signal);
    expect(await finish()).toMatchObject({
      answer: {
        status: 200,
        body: {
          data: {
            createDatasourceConnection: {
              __typename: 'CreateDatasourceConnectionSuccess',
              connectionId: emulator.connections()[0]?.connectionId,
            },
          },
        },
      },
      end: 0,
    });
    expect(gateway.stderr()).toBe('');
  });

  it('is not ready any more at once, but alive', async () => {
    const { gateway, adminUrl, finish } = await startBusyGateway();
    const before = await fetch(`${adminUrl}/readyz`);
    await stop(gateway, 'SIGTERM');
    const after = await fetch(`${adminUrl}/readyz`);
    const alive = await fetch(`${adminUrl}/livez`);
    expect([before.status, after.status, alive.status]).toEqual([200, 503, 200]);
    expect(await after.json()).toEqual({ status: 'stopping' });
    await finish();
  });

  it('closes the connection of the create with its response, so that it does not delay the exit', async () => {
    const { gateway, finish } = await startBusyGateway();
    await stop(gateway, 'SIGTERM');
    expect((await finish()).answer.headers.get('connection')).toBe('close');
  });

  it('accepts no new connections', async () => {
    const { gateway, graphqlUrl, finish } = await startBusyGateway();
    await stop(gateway, 'SIGTERM');
    await expect(sendGraphql(graphqlUrl, CREATE)).rejects.toThrow('fetch failed');
    await finish();
  });

  it('refuses a new request on a keep-alive connection, closes it, and sends nothing to DLI', async () => {
    const { gateway, graphqlUrl, emulator, finish } = await startBusyGateway();
    const create = rawRequest('POST', '/graphql', JSON.stringify(CREATE), {
      'content-type': 'application/json',
    });
    // The create starts in the same packet as the previous request, so the connection is not idle.
    const socket = await openRaw(graphqlUrl, QUERY + create.slice(0, 20));
    expect(await readUntil(socket, /__typename/)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    await stop(gateway, 'SIGTERM');
    socket.write(create.slice(20));
    const answer = await readUntil(socket, /\r\n\r\n.+/s);
    await once(socket, 'end');
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
    await finish();
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });

  it('ignores a second signal', async () => {
    const { gateway, adminUrl, finish } = await startBusyGateway();
    await stop(gateway, 'SIGTERM');
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) {
      gateway.signal(signal);
      expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
    }
    expect(await finish()).toMatchObject({ answer: { status: 200 }, end: 0 });
    expect(gateway.logLines().filter(({ msg }) => msg === 'stopping')).toHaveLength(1);
  });
});

describe('a gateway that is stopped while idle', () => {
  it('closes idle connections and exits with 0', async () => {
    const gateway = startGatewayProcess(environmentFor('http://127.0.0.1:9'));
    const socket = await openRaw((await gateway.addresses()).graphqlUrl, QUERY);
    await readUntil(socket, /__typename/);
    gateway.signal('SIGTERM');
    await once(socket, 'end');
    expect(await gateway.end()).toBe(0);
  });
});
