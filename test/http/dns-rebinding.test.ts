import { afterEach, describe, expect, it } from '@jest/globals';
import { rawRequest } from '../emulator/helpers/raw-client.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { exchange, failuresIn } from './helpers/raw-connection.js';

const CREATE = JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } });

afterEach(closeGateways);

const EXPLORER = { EXPLORER: 'graphiql' };
const shared = shareGateway({ env: EXPLORER });

async function startWithExplorer(env: Record<string, string>) {
  return callsTo(await startGateway({ env: { ...EXPLORER, ...env } }));
}

/** `call` sends a create or opens the explorer of a gateway, PORT in headers being the gateway's. */
function callsTo({ graphqlUrl, emulator }: TestGateway) {
  const { port } = new URL(graphqlUrl);
  async function call(method: string, headers: Record<string, string>): Promise<string> {
    const filled = Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', port)]);
    const kind = method === 'POST' ? { 'content-type': 'application/json' } : { accept: 'text/html' };
    const body = method === 'POST' ? CREATE : '';
    const all = { connection: 'close', ...kind, ...Object.fromEntries(filled) };
    return exchange(`http://127.0.0.1:${port}`, rawRequest(method, '/graphql', body, all));
  }
  return { call, creates: () => emulator.ledger.count('createConnection') };
}

function statusIn(answer: string): number {
  return Number(answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
}

function headersIn(answer: string): string {
  return answer.slice(0, answer.indexOf('\r\n\r\n')).toLowerCase();
}

describe('a DNS rebinding attack on a loopback gateway', () => {
  it.each([
    ['POST', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['GET', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['OPTIONS', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['POST', 'EVIL.example:PORT', 'http://evil.example:PORT'],
    ['POST', 'evil.example', 'http://evil.example'],
    ['POST', 'localhost.evil.example:PORT', 'http://localhost.evil.example:PORT'],
    ['POST', '127.0.0.1.evil.example:PORT', 'http://127.0.0.1.evil.example:PORT'],
    ['POST', '10.0.0.1:PORT', 'http://10.0.0.1:PORT'],
  ])('is refused, and nothing is sent: %s to %s from %s', async (method, host, origin) => {
    const { call, creates } = callsTo(shared());
    expect(failuresIn(await call(method, { host, origin }))).toEqual([
      {
        status: 403,
        contentType: 'application/json; charset=utf-8',
        body: {
          errors: [
            {
              message: 'Pages of other names than localhost may not call this gateway.',
              extensions: { code: 'FORBIDDEN', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
            },
          ],
        },
      },
    ]);
    expect(creates()).toBe(0);
  });

  it('is refused by a gateway on localhost too', async () => {
    const { call, creates } = await startWithExplorer({ HOST: 'localhost' });
    const answer = await call('POST', { host: 'evil.example:PORT', origin: 'http://evil.example:PORT' });
    expect(failuresIn(answer)).toMatchObject([{ status: 403 }]);
    expect(creates()).toBe(0);
  });

  it('is not suspected for an allowed origin, such as that of a local proxy', async () => {
    const { call, creates } = await startWithExplorer({ CORS_ORIGINS: 'https://dli.example.com' });
    const answer = await call('POST', { host: 'dli.example.com', origin: 'https://dli.example.com' });
    expect(statusIn(answer)).toBe(200);
    expect(creates()).toBe(1);
  });

  it('is not suspected by a gateway that listens on the network', async () => {
    const { call, creates } = await startWithExplorer({ HOST: '0.0.0.0' });
    const headers = { host: 'gateway.example:PORT', origin: 'http://gateway.example:PORT' };
    expect(statusIn(await call('POST', headers))).toBe(200);
    expect(statusIn(await call('GET', headers))).toBe(200);
    expect(creates()).toBe(1);
  });
});

describe('a loopback gateway serves', () => {
  it.each(['127.0.0.1:PORT', 'localhost:PORT', '[::1]:PORT', '127.8.9.10:PORT', 'LOCALHOST:PORT'])(
    'its own page with Host %s',
    async host => {
      const { call, creates } = callsTo(shared());
      const headers = { host, origin: `http://${host.toLowerCase().replace('port', 'PORT')}` };
      expect(statusIn(await call('POST', headers))).toBe(200);
      expect(creates()).toBe(1);
      const page = await call('GET', headers);
      expect(statusIn(page)).toBe(200);
      expect(headersIn(page)).toContain('content-type: text/html; charset=utf-8');
    },
  );

  it.each(['gateway.example', 'gateway.example:8443', '10.0.0.1:PORT', '127.0.0.1:PORT'])(
    'clients without an Origin header, such as a reverse proxy, with Host %s',
    async host => {
      const { call, creates } = callsTo(shared());
      expect(statusIn(await call('POST', { host }))).toBe(200);
      expect(statusIn(await call('GET', { host }))).toBe(200);
      expect(creates()).toBe(1);
    },
  );

  it.each(['http://evil.example:PORT', 'http://evil.example', 'https://127.0.0.1.evil.example', 'null'])(
    'no response that a page of origin %s can read',
    async origin => {
      const { call } = callsTo(shared());
      for (const method of ['POST', 'GET', 'OPTIONS']) {
        const answer = await call(method, { host: '127.0.0.1:PORT', origin });
        expect(headersIn(answer)).toMatch(/^http\/1\.1 \d{3} /);
        expect(headersIn(answer)).not.toContain('access-control-');
      }
    },
  );
});
