import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, sendGraphql, startGateway } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { graphqlRequest, openConnection, readToEnd } from '../helpers/raw-connection.js';

const MAX_CONNECTIONS = 2_000;
const TOO_MANY = 60;
const MAX_REQUESTS = 1_000;
const FEW = 9;
const QUERY = { query: '{ __typename }' };
/** Disables the check for slow clients, because a slow machine opens the connections too slowly. */
const WITHOUT_CLIENT_CHECK = `
  import http from 'node:http';
  import { syncBuiltinESMExports } from 'node:module';
  const { createServer } = http;
  http.createServer = (options, listener) =>
    createServer({ ...options, connectionsCheckingInterval: 2 ** 31 - 1 }, listener);
  syncBuiltinESMExports();`;
const REQUEST = graphqlRequest(QUERY.query);
const PART = REQUEST.slice(0, -5);
const NOTHING = 'GET /nothing HTTP/1.1\r\nhost: gw.test\r\n\r\n';

const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await closeGateways();
});

/** A connection that sends only the start of a request. */
function idle(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  // A socket notices its end only while it is being read.
  socket.resume().on('error', () => socket.destroy());
  socket.write(PART);
  sockets.push(socket);
  return socket;
}

/**
 * A connection that has received one response and sent only the start of another request. Because the server accepts
 * connections in order, it has by then accepted all earlier ones; the operating system reports them as open earlier.
 */
async function served(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), new URL(url).hostname);
  socket.on('error', () => socket.destroy());
  socket.write(NOTHING);
  sockets.push(socket);
  await once(socket, 'data');
  socket.write(PART);
  return socket;
}

/** Waits until a connection is closed or reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()));
}

describe('client connections', () => {
  it('are limited to 2,000, while the admin port still answers', async () => {
    // A separate process, so that both ends of the connections do not share one limit of open files.
    const gateway = startGatewayProcess(environmentFor('http://127.0.0.1:9'), {
      preload: WITHOUT_CLIENT_CHECK,
    });
    const { graphqlUrl, adminUrl } = await gateway.addresses();
    const held: Socket[] = [];
    // In batches, so that the gateway does not shed load.
    while (held.length < MAX_CONNECTIONS) {
      held.push(...Array.from({ length: 49 }, () => idle(graphqlUrl)));
      held.push(await served(graphqlUrl));
    }
    const more = Array.from({ length: TOO_MANY }, () => idle(graphqlUrl));
    await Promise.all(more.map(closed));

    expect(held.filter(socket => !socket.destroyed)).toHaveLength(MAX_CONNECTIONS);
    await gateway.find(/"reason":"server full","address":"127.0.0.1","msg":"connection closed"/);
    expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
    await Promise.all(held.splice(0, 100).map(socket => closed(socket.destroy())));
    // The gateway notices their end a little later than this process.
    let next = await sendGraphql(graphqlUrl, QUERY).catch(() => undefined);
    while (next === undefined) next = await sendGraphql(graphqlUrl, QUERY).catch(() => undefined);
    expect(next.status).toBe(200);
  });

  it('are still accepted after hundreds were opened and reset', async () => {
    const gateway = await startGateway();
    for (let round = 0; round < 3; round += 1) {
      const opened = await Promise.all(Array.from({ length: 100 }, () => openConnection(gateway.graphqlUrl)));
      for (const socket of opened) {
        socket.write(PART);
        socket.resetAndDestroy();
      }
    }

    expect(await gateway.create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(gateway.log()).not.toContain('internal error');
  });

  it('are closed after 1,000 requests, which the last response announces', async () => {
    const gateway = await startGateway();
    const socket = await openConnection(gateway.graphqlUrl);
    const answer = readToEnd(socket);
    let received = '';
    socket.on('data', chunk => {
      received += chunk;
    });
    // Even the cheapest requests count. A few at a time, because the number of pipelined requests is limited.
    for (let sent = 0; sent < MAX_REQUESTS - 1; sent += FEW) {
      received = '';
      socket.write(NOTHING.repeat(FEW));
      while (received.split('HTTP/1.1 404').length <= FEW) await once(socket, 'data');
    }
    socket.write(REQUEST);
    const answers = (await answer).split(/(?=HTTP\/1\.1 )/);

    expect(answers).toHaveLength(MAX_REQUESTS);
    expect(answers.at(-1)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answers.at(-1)).toMatch(/^connection: close\r$/im);
  });
});
