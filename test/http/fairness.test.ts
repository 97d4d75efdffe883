import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { graphqlRequest, openConnection, rawRequest, readToEnd } from '../helpers/raw-connection.js';
import { closeSubscribers, openSubscriber } from '../helpers/subscribers.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

/** Unanswered requests that one connection may have. */
const MAX_UNANSWERED = 16;
/** Enough connections for more than 600 unanswered requests of a tenant even while some are being answered. */
const FLOOD = 60;
/** Connections on each of which a tenant asks for lists. */
const LIST_FLOOD = 30;
/** A query for as much work as the limits of documents allow. */
const LISTS = Array.from(
  { length: 15 },
  (_, index) => `a${index}: datasourceConnections(first: 100) { items { id name state } }`,
);
const LIST = `{ ${LISTS.join(' ')} }`;
/** Fewer than the lists of that query. */
const SHORT_REQUESTS = 10;

afterEach(closeSubscribers);
afterEach(closeGateways);

/** Sends this many copies of a query on each of several new connections, and returns their responses. */
async function flood(
  { graphqlUrl }: TokenGateway,
  token: string,
  query: string,
  connections: number,
  copies = 1,
): Promise<Promise<string>[]> {
  const request = (connection: string) => graphqlRequest(query, { ...bearer(token), connection });
  const text = request('keep-alive').repeat(copies - 1) + request('close');
  const sockets = await Promise.all(Array.from({ length: connections }, () => openConnection(graphqlUrl)));
  return sockets.map(socket => {
    const responses = readToEnd(socket);
    socket.write(text);
    return responses;
  });
}

/** The trace ids of the answered requests, in order. */
function respondedIn(log: string): unknown[] {
  const lines = log.split('\n').filter(line => line.includes('"msg":"request"'));
  return lines.map(line => JSON.parse(line).traceId);
}

/** How many reads of DLI were shared with another caller so far. */
async function countSharedReads({ adminUrl }: TokenGateway): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^dli_gateway_reads_total\{result="shared"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

/** The length of the longest run of requests without any of `ids`. */
function longestRunWithout(ids: ReadonlySet<unknown>, all: readonly unknown[]): number {
  let run = 0;
  return Math.max(...all.map(id => (run = ids.has(id) ? 0 : run + 1)));
}

describe('the requests of a tenant who floods the gateway', () => {
  it('do not delay those of another tenant, even if all of them waited for the same list', async () => {
    const gateway = await startTokenGateway({ READ_FRESHNESS_MS: '0' });
    for (let index = 0; index < 100; index += 1) gateway.emulator.seedConnection({ name: `n${index}` });
    const hostile = await gateway.sign({ claims: { sub: 'hostile' } });
    const modest = await gateway.sign({ claims: { sub: 'modest' } });
    // Opens the connection now, because otherwise it would be accepted after those of the flood.
    expect((await gateway.ask(modest)).status).toBe(200);
    gateway.emulator.inject({ operation: 'listConnections', delayMs: 500 });
    const before = respondedIn(gateway.log()).length;
    const flooded = Promise.all(await flood(gateway, hostile, LIST, LIST_FLOOD));
    let isOver = false;
    void flooded.then(() => {
      isOver = true;
    });
    const ids = new Set<unknown>();
    while (!isOver) ids.add((await gateway.ask(modest)).headers.get('x-request-id'));

    for (const response of await flooded) expect(response).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(longestRunWithout(ids, respondedIn(gateway.log()).slice(before))).toBeLessThan(LIST_FLOOD / 3);
  });

  it('take a turn for each list, so that those of another tenant are answered between them', async () => {
    const upstream = await startHeldUpstream();
    upstream.release();
    const gateway = await startTokenGateway({ DLI_ENDPOINT: upstream.url, READ_FRESHNESS_MS: '60000' });
    const hostile = await gateway.sign({ claims: { sub: 'hostile' } });
    const modest = await gateway.sign({ claims: { sub: 'modest' } });
    const release = upstream.holdNext();
    const long = gateway.send({ query: LIST }, bearer(hostile));
    const one = { query: `{ ${LISTS[0]} }` };
    const short = Array.from({ length: SHORT_REQUESTS }, () => gateway.send(one, bearer(modest)));
    // All of them wait for the same list.
    while ((await countSharedReads(gateway)) < LISTS.length + SHORT_REQUESTS - 1);
    release();
    const answers = await Promise.all([long, ...short]);

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const order = respondedIn(gateway.log());
    const [longAt = -1, ...shortAt] = answers.map(({ headers }) => order.indexOf(headers.get('x-request-id')));
    const before = shortAt.filter(at => at < longAt);
    expect(before).toHaveLength(SHORT_REQUESTS);
  });

  it('are refused while 600 others of that tenant wait, and those of another tenant are not', async () => {
    const gateway = await startTokenGateway();
    const hostile = await gateway.sign({ claims: { sub: 'hostile' } });
    const modest = await gateway.sign({ claims: { sub: 'modest' } });
    const flooded = await flood(gateway, hostile, '{ __typename }', FLOOD, MAX_UNANSWERED);
    for (let count = 0; count < 20; count += 1) expect((await gateway.ask(modest)).status).toBe(200);
    const responses = (await Promise.all(flooded)).join('').split(/(?=HTTP\/1\.1 )/);

    expect(responses).toHaveLength(FLOOD * MAX_UNANSWERED);
    const refused = responses.filter(response => !response.startsWith('HTTP/1.1 200 OK'));
    expect(refused.length).toBeGreaterThan(0);
    for (const response of refused) {
      expect(response).toMatch(/^HTTP\/1\.1 429 /);
      expect(response).toContain('\r\nretry-after: 5\r\n');
      expect(response).toContain('"Your tenant has 600 requests waiting. Send fewer at a time."');
    }
  });

  it('are refused while 600 others of that tenant wait, including on a WebSocket', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign({ claims: { sub: 'hostile' } });
    const hostile = await openSubscriber(gateway.graphqlUrl, bearer(token));
    const messages = Array.from({ length: 900 }, (_, index) => String(index));
    for (const id of messages) hostile.sendMessage({ type: 'subscribe', id, payload: { query: '{ __typename }' } });
    const modest = await gateway.sign({ claims: { sub: 'modest' } });
    for (let count = 0; count < 20; count += 1) expect((await gateway.ask(modest)).status).toBe(200);

    const waited = new Set(messages);
    const refused: unknown[] = [];
    while (waited.size > 0) {
      const { id = '', payload } = await hostile.nextMessage();
      waited.delete(id);
      if (JSON.stringify(payload)?.includes('RATE_LIMITED') === true) refused.push(payload);
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(messages.length - 600);
    for (const errors of refused)
      expect(errors).toMatchObject([
        {
          message: 'Your tenant has 600 requests waiting. Send fewer at a time.',
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 5 },
        },
      ]);
  });
});

describe('the requests of an address that floods the gateway', () => {
  /** Requests are queued before the gateway knows what they are, so cheap ones serve as well. */
  const cheapRequest = (connection: string) => rawRequest('OPTIONS', '/graphql', '', { host: 'gw.test', connection });

  /** Sends as many requests as allowed on each of many connections, and a query from another address. */
  async function floodFromOneAddress(connections: number) {
    const gateway = await startGateway();
    const addresses = [...Array<string>(connections).fill('127.0.0.1'), '127.0.0.2'];
    const sockets = await Promise.all(
      addresses.map(async localAddress => {
        const socket = await openConnection(gateway.graphqlUrl, { localAddress });
        socket.write(cheapRequest('keep-alive'));
        // After the first response, the connection has been accepted.
        await once(socket, 'data');
        return socket;
      }),
    );
    const before = respondedIn(gateway.log()).length;
    const flood = cheapRequest('keep-alive').repeat(MAX_UNANSWERED - 1) + cheapRequest('close');
    const query = graphqlRequest('{ __typename }', { connection: 'close' });
    const responses = sockets.map(readToEnd);
    for (const [index, socket] of sockets.entries()) socket.write(index < connections ? flood : query);
    const other = (await Promise.all(responses)).at(-1) ?? '';
    return { gateway, other, order: respondedIn(gateway.log()).slice(before) };
  }

  it('do not delay those of another address that arrive at the same time', async () => {
    const connections = 20;
    const { other, order } = await floodFromOneAddress(connections);
    const id = /^x-request-id: (\w+)/m.exec(other)?.[1];
    expect(order).toHaveLength(connections * MAX_UNANSWERED + 1);
    expect(order.indexOf(id)).toBeGreaterThanOrEqual(0);
    expect(order.indexOf(id)).toBeLessThan((connections * MAX_UNANSWERED) / 2);
  });

  it('close connections of that address when more than 1,000 wait', async () => {
    const connections = 100;
    const { gateway, other, order } = await floodFromOneAddress(connections);
    expect(other).toMatch(/^HTTP\/1\.1 200 OK/m);
    expect(order.length).toBeGreaterThan(0);
    expect(order.length).toBeLessThan(connections * MAX_UNANSWERED);
    expect(gateway.log()).toContain('"reason":"too many","address":"127.0.0.1","msg":"connection closed"');
  });
});
