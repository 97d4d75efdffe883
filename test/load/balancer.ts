import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Pool } from 'undici';
import type { GatewayProcess } from './gateway.js';

const CHECK_INTERVAL_MS = 500;
const RESPONSE_LIMIT_MS = 40_000;

interface Backend {
  gateway: GatewayProcess;
  pool: Pool;
  isReady: boolean;
}

/** A round-robin load balancer on loopback that never sends a request twice. */
export class Balancer {
  readonly #server = createServer((request, response) => void this.#forward(request, response));
  readonly #backends: Backend[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  #next = 0;

  /** @param checksReadiness whether it asks `/readyz` twice a second, and sends nothing to a gateway that is not ready */
  constructor(checksReadiness: boolean) {
    if (checksReadiness) this.#timer = setInterval(() => void this.#check(), CHECK_INTERVAL_MS);
  }

  /** Listens on a free port; resolves with the GraphQL endpoint. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/graphql`;
  }

  /** Adds a gateway that is ready. */
  add(gateway: GatewayProcess): void {
    const options = { headersTimeout: RESPONSE_LIMIT_MS, bodyTimeout: RESPONSE_LIMIT_MS };
    this.#backends.push({ gateway, pool: new Pool(new URL(gateway.url).origin, options), isReady: true });
  }

  /** Removes a gateway and drops its connections. */
  async remove(gateway: GatewayProcess): Promise<void> {
    const index = this.#backends.findIndex(backend => backend.gateway === gateway);
    const [removed] = this.#backends.splice(index, 1);
    await removed?.pool.destroy();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await Promise.all(this.#backends.map(({ pool }) => pool.destroy()));
  }

  async #check(): Promise<void> {
    await Promise.all(
      this.#backends.map(async backend => {
        backend.isReady = await backend.gateway.isReady().catch(() => false);
      }),
    );
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const ready = this.#backends.filter(({ isReady }) => isReady);
    const backend = ready[this.#next % ready.length];
    this.#next += 1;
    try {
      if (backend === undefined) throw new Error('No gateway is ready.');
      const answer = await backend.pool.request({
        path: request.url ?? '/',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const retryAfter = answer.headers['retry-after'];
      response.writeHead(answer.statusCode, {
        'content-type': 'application/json',
        ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      });
      response.end(await answer.body.text());
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      response.writeHead(502, { 'content-type': 'text/plain' }).end(code);
    }
  }
}
