/**
 * Entry point of the upstream: a stand-in for DLI that accepts every POST and counts them. It checks
 * nothing, so that it costs every variant the same and stays far from being the bottleneck.
 * `GET /count` returns the number of POSTs so far.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT } = process.env;
let posts = 0;

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(request.url === '/count' ? 200 : 404, { 'content-type': 'text/plain' });
    response.end(String(posts));
    return;
  }
  posts += 1;
  request.resume();
  request.once('end', () => {
    const body = `{"is_success":true,"message":"","connection_id":"${randomUUID()}"}`;
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});

// Longer than any pause between two rounds of a variant: a connection closed under a POST would look like a
// failure of the variant.
server.keepAliveTimeout = 120_000;
server.listen(Number(PORT), '127.0.0.1');
