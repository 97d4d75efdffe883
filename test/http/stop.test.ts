import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { graphqlRequest, openConnection, readToEnd } from './helpers/raw-connection.js';

const LISTS = Array.from({ length: 15 }, (_, index) => `list${index}: datasourceConnections(first: 100) { ...List }`);
/** Its response, of about 9 MB, is larger than what the operating system buffers. */
const QUERY = `{ ${LISTS.join(' ')} }
  fragment List on DatasourceConnectionPage { items { name ... on ClassicDatasourceConnection { destination clusterName } } }`;
const LONG = 'n'.repeat(2_000);

afterEach(closeGateways);

describe('a gateway that stops', () => {
  it('sends a response to its end that the client is still taking', async () => {
    const gateway = await startGateway();
    for (let index = 0; index < 100; index += 1)
      gateway.emulator.seedConnection({ name: LONG, destination: LONG, clusterName: LONG });
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

    const [head = '', content = ''] = (await response).split('\r\n\r\n', 2);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
    // Not toHaveLength, which would print all of it.
    expect(content.length).toBe(Number(/content-length: (\d+)/.exec(head)?.[1]));
  });
});
