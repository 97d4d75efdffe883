/**
 * Entry point of the upstream: a stand-in for DLI that accepts and counts every call. It checks nothing, so it costs
 * every variant the same and is far from being the bottleneck. `GET /calls` returns the counts so far.
 *
 * It lists `CONNECTIONS` connections. It remembers creates and deletes only if that is not 0, because its cost must not
 * grow while creates are measured.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { listElement, seedConnections } from './seeded-connections.js';

const COLLECTION = /^\/v2\.0\/[^/]+\/(?:datasource-connection|datasource\/enhanced-connections)(?:\/([^/?]+))?$/;
const ENHANCED_LIST = /^\/v2\.0\/[^/]+\/datasource\/enhanced-connections\?/;

const { PORT, CONNECTIONS = '0' } = process.env;
const calls = { creates: 0, gets: 0, lists: 0, deletes: 0, others: 0 };
// Each element is printed only once, because lists are printed again after every change.
const elements = new Map(seedConnections(Number(CONNECTIONS)).map(seeded => [seeded.id, listElement(seeded)]));
const remembersChanges = elements.size > 0;

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request;
  if (url === '/calls') return respond(response, 200, JSON.stringify(calls));
  // None exist, so the figures of lists are those of classic connections.
  if (ENHANCED_LIST.test(url))
    return respond(response, 200, '{"is_success":true,"message":"","connections":[],"count":0}');
  const [path, id] = COLLECTION.exec(url) ?? [];
  const operation = path === undefined ? undefined : `${method}${id === undefined ? '' : ' one'}`;
  switch (operation) {
    case 'POST':
      calls.creates += 1;
      return create(request, response);
    case 'GET':
      calls.lists += 1;
      return respond(
        response,
        200,
        `{"is_success":true,"message":"","connections":[${[...elements.values()].join(',')}],"count":${elements.size}}`,
      );
    case 'GET one':
      calls.gets += 1;
      return respondAbout(response, elements.get(id ?? ''));
    case 'DELETE one':
      calls.deletes += 1;
      return respondAbout(response, elements.delete(id ?? '') ? '{"is_success":true,"message":""}' : undefined);
    default:
      calls.others += 1;
      return respond(response, 404, '{}');
  }
}

async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = randomUUID();
  if (remembersChanges) {
    const { name } = (await json(request)) as { name: string };
    elements.set(id, listElement({ id, name, createdAtMs: Date.now() }));
  } else {
    for await (const _ of request);
  }
  respond(response, 201, `{"is_success":true,"message":"","connection_id":"${id}"}`);
}

function respondAbout(response: ServerResponse, body: string | undefined): void {
  if (body === undefined) respond(response, 404, '{"error_code":"DLI.0002","error_msg":"No such connection."}');
  else respond(response, 200, body);
}

// All bodies are ASCII, so their length is their number of bytes.
function respond(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
});

// Longer than any pause between two rounds of a variant: a connection that is closed during a POST would look like a
// failure of the variant.
server.keepAliveTimeout = 600_000;
server.listen(Number(PORT), '127.0.0.1');
