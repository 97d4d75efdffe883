/**
 * Entry point of the floor: the least that any gateway must do. It parses the GraphQL request as JSON, posts to the
 * upstream and responds; no GraphQL, no validation, no signing, no records.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { Agent, request as send } from 'undici';

interface CreateBody {
  readonly variables: {
    readonly input: {
      readonly name: string;
      readonly service: string;
      readonly securityGroupId: string;
      readonly networkId: string;
      readonly url: string;
    };
  };
}

const dispatcher = new Agent();
const { CREATE_URL: createUrl = '', HOST, PORT } = process.env;

async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { input } = ((await json(request)) as CreateBody).variables;
  const upstream = await send(createUrl, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-auth-token': 'benchmark-token' },
    body: JSON.stringify({
      name: input.name,
      service: input.service.toLowerCase(),
      security_group_id: input.securityGroupId,
      network_id: input.networkId,
      url: input.url,
    }),
  });
  const { connection_id: connectionId } = (await upstream.body.json()) as { connection_id: string };
  const body = JSON.stringify({
    data: {
      createDatasourceConnection: {
        __typename: 'CreateDatasourceConnectionSuccess',
        connectionId,
      },
    },
  });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

createServer((request, response) => {
  create(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
}).listen(Number(PORT), HOST);
