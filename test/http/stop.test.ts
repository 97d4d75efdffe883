import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { graphqlRequest, openConnection, readToEnd } from './helpers/raw-connection.js';

const LISTS = Array.from({ length: 15 }, (_, index) => `list${index}: datasourceConnections(first: 100) { ...List }`);
/** Its response, of about 9 MB, is larger than what the operating system buffers. */
const QUERY = `{ ${LISTS.join(' ')} }
  fragment List on DatasourceConnectionPage { items { name ... on ClassicDatasourceConnection { destination clusterName } } }`;
const LONG = 'n'.repeat(2_000);
const { service, ...TEXTS } = VALID_INPUT;
const FIELDS = Object.entries(TEXTS).map(([name, text]) => `${name}: "${text}"`);
const CREATE = `mutation { createDatasourceConnection(input: { service: ${service}, ${FIELDS.join(', ')} }) { __typename } }`;

afterEach(closeGateways);

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

describe('a response that the client is still taking is sent to its end', () => {
  it('by a gateway that stops', async () => {
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

  it('although a request follows on the connection, and that is not executed', async () => {
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
