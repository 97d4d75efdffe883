import { describe, expect, it } from '@jest/globals';
import { sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { openConnection, readToEnd } from '../http/helpers/raw-connection.js';

const UNDER_WAY = 60;
const BODY = '{"query":"{ __typename }"}';
const HEAD = [
  'POST /graphql HTTP/1.1',
  'host: gw.test',
  'content-type: application/json',
  'connection: close',
  `content-length: ${BODY.length}`,
].join('\r\n');
// Nothing listens there; these tests need no upstream.
const ENVIRONMENT = environmentFor('http://127.0.0.1:9');

/** From the first signal to the second the process comes round every 300 ms only, as one with too much to do. */
const BUSY_BETWEEN_SIGNALS = `
  let timer;
  const work = () => {
    const endMs = performance.now() + 300;
    while (performance.now() < endMs);
    timer = setImmediate(work);
  };
  process.on('SIGUSR2', () => {
    if (timer === undefined) work();
    else { clearImmediate(timer); timer = undefined; }
  });`;

describe('a gateway that does its work too late', () => {
  it('refuses more with 503, is not ready but alive, finishes what it took, and recovers', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT, { preload: BUSY_BETWEEN_SIGNALS });
    const { graphqlUrl, adminUrl } = await gateway.addresses();
    const statusOf = async (path: string) => {
      const response = await fetch(`${adminUrl}${path}`);
      return [response.status, await response.json()];
    };
    const sockets = await Promise.all(Array.from({ length: UNDER_WAY }, () => openConnection(graphqlUrl)));
    for (const socket of sockets) socket.write(`${HEAD}\r\n\r\n`);
    expect(await statusOf('/readyz')).toEqual([200, { status: 'ready' }]);

    gateway.signal('SIGUSR2');
    let readiness = await statusOf('/readyz');
    while (readiness[0] === 200) readiness = await statusOf('/readyz');
    expect(readiness).toEqual([503, { status: 'overloaded' }]);
    const refused = await sendGraphql(graphqlUrl, { query: '{ __typename }' });
    expect(await statusOf('/livez')).toEqual([200, { status: 'live' }]);
    const { status, headers, body } = refused;
    expect({ status, retryAfter: headers.get('retry-after'), body }).toEqual({
      status: 503,
      retryAfter: '1',
      body: {
        errors: [
          {
            message: 'The gateway has too much to do at the moment. Nothing was done; send it again later.',
            extensions: { code: 'OVERLOADED', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });

    gateway.signal('SIGUSR2');
    const answers = sockets.map(socket => {
      const answer = readToEnd(socket);
      socket.write(BODY);
      return answer;
    });
    const statusLines = (await Promise.all(answers)).map(answer => answer.split('\r\n')[0]);
    expect(statusLines).toEqual(Array(UNDER_WAY).fill('HTTP/1.1 200 OK'));
    while ((await statusOf('/readyz'))[0] !== 200);
    expect((await sendGraphql(graphqlUrl, { query: '{ __typename }' })).status).toBe(200);
  }, 60_000);

  it('with little under way refuses nothing, because that would not help', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT, { preload: BUSY_BETWEEN_SIGNALS });
    const { graphqlUrl } = await gateway.addresses();
    gateway.signal('SIGUSR2');
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1)
      statuses.push((await sendGraphql(graphqlUrl, { query: '{ __typename }' })).status);

    expect(statuses).toEqual(Array(5).fill(200));
  });
});
