import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { graphqlRequest, openConnection, readToEnd } from '../helpers/raw-connection.js';
import { closeSubscribers, openSubscriber, WATCH } from '../helpers/subscribers.js';

const LISTS = Array.from({ length: 15 }, (_, index) => `list${index}: datasourceConnections(first: 100) { ...List }`);
/** Its response of about 9 MB is larger than the buffers of the operating system. */
const QUERY = `{ ${LISTS.join(' ')} }
  fragment List on DatasourceConnectionPage { items { name ... on ClassicDatasourceConnection { destination clusterName } } }`;
const LONG = 'n'.repeat(2_000);
const { service, ...TEXTS } = VALID_INPUT;
const FIELDS = Object.entries(TEXTS).map(([name, text]) => `${name}: "${text}"`);
const CREATE = `mutation { createDatasourceConnection(input: { service: ${service}, ${FIELDS.join(', ')} }) { __typename } }`;

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

async function startWithLongList() {
  const gateway = await startGateway();
  for (let index = 0; index < 100; index += 1)
    gateway.emulator.seedConnection({ name: LONG, destination: LONG, clusterName: LONG });
  return gateway;
}

/** Whether the response has all of its content. */
function isComplete(response: string): boolean {
  const [head = '', content = ''] = response.split('\r\n\r\n', 2);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
  return content.length === Number(/content-length: (\d+)/.exec(head)?.[1]);
}

describe('a response that the client is still reading is sent to its end', () => {
  it('by a gateway that is stopping', async () => {
    const gateway = await startWithLongList();
    const socket = await openConnection(gateway.graphqlUrl);
    const response = readToEnd(socket);
    socket.write(graphqlRequest(QUERY));
    await once(socket, 'data');
    socket.pause();
    const closed = gateway.close();
    // A turn of the event loop, in which the gateway begins to stop.
    await new Promise(resolve => setImmediate(resolve));
    socket.resume();
    await closed;

    expect(isComplete(await response)).toBe(true);
  });

  it('even if a request follows on the connection, which is not executed', async () => {
    const gateway = await startWithLongList();
    gateway.emulator.inject({ operation: 'listConnections', delayMs: 200 });
    const socket = await openConnection(gateway.graphqlUrl);
    const response = readToEnd(socket);
    socket.write(graphqlRequest(QUERY));
    await gateway.emulator.ledger.waitFor('listConnections', 1);
    const closed = gateway.close();
    await once(socket, 'data');
    socket.pause().write(graphqlRequest(CREATE));
    await new Promise(resolve => setImmediate(resolve));
    socket.resume();
    await closed;

    const text = await response;
    expect(text).toMatch(/^connection: close\r$/im);
    expect(isComplete(text)).toBe(true);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(0);
  });
});

async function startFollowed() {
  // A stop that waited for clients as long as for operations would exceed the timeout of a test.
  const gateway = await startGateway({ env: { OPERATION_TIMEOUT_MS: '120000' } });
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  const request = { query: WATCH, variables: { id: connectionId } };
  return { gateway, request };
}

async function openFollower({ gateway, request }: Awaited<ReturnType<typeof startFollowed>>) {
  const opened = await openSubscriber(gateway.graphqlUrl);
  opened.sendMessage({ type: 'subscribe', id: 'a', payload: request });
  await opened.nextMessage();
  return opened;
}

describe('a gateway that stops', () => {
  it('closes WebSockets with 1001, without completing their subscriptions', async () => {
    const followed = await startFollowed();
    const { socket, closed } = await openFollower(followed);
    const received: string[] = [];
    socket.on('message', data => received.push(String(data)));
    await followed.gateway.close();

    expect(await closed).toEqual({ code: 1001, reason: 'Stopping' });
    expect(received).toEqual([]);
  });

  it('ends event streams without completing them', async () => {
    const { gateway, request } = await startFollowed();
    const response = await fetch(gateway.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(request),
    });
    const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const read = async () => {
      const { done, value } = (await chunks?.read()) ?? { done: true };
      text += value ?? '';
      return !done;
    };
    while (!text.includes('CREATING')) await read();
    const closed = gateway.close();
    while (await read());
    await closed;

    expect(text).not.toContain('complete');
  });

  it('does not wait for a client that does not respond', async () => {
    const followed = await startFollowed();
    const { socket } = await openFollower(followed);
    socket.pause();
    await followed.gateway.close();
  });

  it('stops polling', async () => {
    const followed = await startFollowed();
    await openFollower(followed);
    await followed.gateway.close();
    const calls = followed.gateway.emulator.ledger.count();
    await new Promise(resolve => setImmediate(resolve));
    expect(followed.gateway.emulator.ledger.count()).toBe(calls);
  });
});
