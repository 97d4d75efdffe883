import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { failuresIn, graphqlRequest, HANDSHAKE, openConnection, readToEnd } from '../helpers/raw-connection.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const MAX_UNANSWERED = 16;
/** Enough events for more than 1 MiB, but for fewer characters. */
const MAX_EVENTS = 25;
// Each flood takes a second or two.
const FLOODS = proofSize(3, 15);
const RARELY = { FOLLOW_INTERVAL_MS: '60000' };
const NOTHING = 'GET /nothing HTTP/1.1\r\nhost: gw.test\r\n\r\n';

const opened: Socket[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await closeGateways();
});

async function open({ graphqlUrl }: TestGateway): Promise<Socket> {
  const socket = await openConnection(graphqlUrl);
  socket.on('error', () => {});
  opened.push(socket);
  return socket;
}

/** A query that waits for a connection to change or, with another `accept` header, a subscription to it. */
function waitFor(id: string, token?: string, accept = 'application/json', seconds = 20, fields = 'state'): string {
  const field = `datasourceConnection(id: "${id}"`;
  const isStream = accept !== 'application/json';
  const query = isStream
    ? `subscription { ${field}) { ${fields} } }`
    : `{ ${field}, waitSeconds: ${seconds}) { state } }`;
  return graphqlRequest(query, { accept, ...bearer(token) });
}

/** The status of a query that may wait. It ends at once, because the connection does not exist. */
async function statusOfWait(gateway: TokenGateway, token: string): Promise<number> {
  const query = '{ datasourceConnection(id: "none", waitSeconds: 1) { state } }';
  return (await gateway.send({ query }, bearer(token))).status;
}

describe('pipelined requests whose client disconnects', () => {
  /** The statuses of a query of the tenant during each flood and after it. */
  async function flood(accept: string): Promise<number[][]> {
    const limits = { connectionsPerTenant: MAX_UNANSWERED };
    const gateway = await startTokenGateway(RARELY, { limits });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const token = await gateway.sign();
    const statuses: number[][] = [];
    for (let round = 0; round < FLOODS; round += 1) {
      let status = 200;
      // Repeated if this query was faster than the flood and took the place of one of its requests.
      while (status === 200) {
        const socket = await open(gateway);
        socket.write(waitFor(connectionId, token, accept).repeat(MAX_UNANSWERED));
        for (let count = 0; count < 5; count += 1) await gateway.ask(token);
        status = await statusOfWait(gateway, token);
        socket.resetAndDestroy();
      }
      let later = 0;
      while (later !== 200) {
        await delay(10);
        later = await statusOfWait(gateway, token);
      }
      statuses.push([status, later]);
    }
    expect(gateway.log()).not.toContain('internal error');
    return statuses;
  }

  it('do not use up the quota of their tenant', async () => {
    const kinds = ['application/json', 'text/event-stream'];
    const ended = await Promise.all(kinds.map(async accept => ({ accept, statuses: await flood(accept) })));
    expect(ended).toEqual(kinds.map(accept => ({ accept, statuses: Array(FLOODS).fill([429, 200]) })));
  });
});

describe('the unanswered requests of a connection', () => {
  it('are all answered if there are 16', async () => {
    const gateway = await startGateway({ env: RARELY });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const socket = await open(gateway);
    const answer = readToEnd(socket);
    const last = NOTHING.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n');
    socket.write(waitFor(connectionId, undefined, undefined, 1).repeat(MAX_UNANSWERED - 1) + last);
    expect(failuresIn(await answer).map(({ status }) => status)).toEqual([
      ...Array.from({ length: MAX_UNANSWERED - 1 }, () => 200),
      404,
    ]);
  });

  it.each([
    ['queries', (id: string) => waitFor(id)],
    ['unknown paths', () => NOTHING],
    ['invalid paths', () => NOTHING.replace('/nothing', '/%zz')],
    ['unknown methods', () => NOTHING.replace('GET', 'REPORT')],
    ['options', () => NOTHING.replace('GET /nothing', 'OPTIONS /graphql')],
  ])('close it if there are more: %s', async (_what, request) => {
    const gateway = await startGateway({ env: { ...RARELY, CORS_ORIGINS: 'https://app.example.com' } });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const socket = await open(gateway);
    const answer = readToEnd(socket);
    socket.write(waitFor(connectionId) + request(connectionId).repeat(MAX_UNANSWERED));
    expect(await answer).toBe('');
    expect(gateway.log()).toContain('"reason":"pipelining","address":"127.0.0.1","msg":"connection closed"');
    expect(gateway.log()).not.toContain('internal error');
  });

  it('are not read any further once they have closed it', async () => {
    const gateway = await startGateway();
    let requests = 0;
    const count = () => {
      requests += 1;
    };
    diagnostics.subscribe('http.server.request.start', count);
    onCleanup(() => diagnostics.unsubscribe('http.server.request.start', count));
    const socket = await open(gateway);
    const answer = readToEnd(socket);
    socket.write(NOTHING.repeat(1_000));
    await answer;
    expect(requests).toBe(MAX_UNANSWERED + 1);
    expect(gateway.log()).not.toMatch(/"level":[4-6]0/);
  });

  it('close it when more than 1 MiB is buffered behind them, measured in bytes', async () => {
    const env = { FOLLOW_INTERVAL_MS: '100', FOLLOW_CALLS_PER_SECOND: '1000', READ_FRESHNESS_MS: '0' };
    const gateway = await startGateway({ env });
    const name = '\u754c'.repeat(2_000);
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING', name });
    const { connectionId: other } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const socket = await open(gateway);
    const names = Array.from({ length: 15 }, (_, index) => `n${index}: name`).join(' ');
    socket.resume().write(waitFor(other) + waitFor(connectionId, undefined, 'text/event-stream', 0, names));
    let events = 0;
    while (!socket.destroyed && events < MAX_EVENTS) {
      gateway.emulator.seedConnection({ connectionId, name, state: events % 2 === 0 ? 'RUNNING' : 'CREATING' });
      const { ledger } = gateway.emulator;
      const polls = () => ledger.entries('getConnection').filter(({ path }) => path.includes(connectionId)).length;
      // A poll that has started may still show the last state.
      const enough = polls() + 2;
      while (!socket.destroyed && polls() < enough) await delay(20);
      events += 1;
    }
    expect(socket.destroyed).toBe(true);
  });

  it.each([
    ['a line', 'nonsense\r\n\r\n'],
    ['a body', `${NOTHING.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n')}nonsense\r\n`],
  ])('are not answered by the error of invalid HTTP behind them, which closes it: %s', async (_what, text) => {
    const gateway = await startGateway({ env: RARELY });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const socket = await open(gateway);
    const answer = readToEnd(socket);
    socket.write(waitFor(connectionId) + text);
    expect(await answer).toBe('');
    expect(gateway.log()).toContain('"reason":"invalid","address":"127.0.0.1","msg":"connection closed"');
  });

  it('are answered before later ones: an upgrade behind them is ignored', async () => {
    const gateway = await startGateway({ env: RARELY });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const socket = await open(gateway);
    socket.write(waitFor(connectionId, undefined, undefined, 1) + HANDSHAKE);
    let text = '';
    socket.on('data', chunk => {
      text += chunk;
    });
    while (!text.includes('BAD_REQUEST')) await once(socket, 'data');
    expect(failuresIn(text).map(({ status }) => status)).toEqual([200, 400]);
    expect(gateway.log()).not.toContain('upgrade failed');
  });
});
