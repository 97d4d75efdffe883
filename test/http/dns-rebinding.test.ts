import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { exchange, failuresIn, rawRequest } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

const CREATE = JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } });

afterEach(closeGateways);

const EXPLORER = { EXPLORER: 'graphiql' };
const shared = shareGateway({ env: { ...EXPLORER, ALLOWED_HOSTS: undefined } });
const onNetwork = shareGateway({ env: { ...EXPLORER, ALLOWED_HOSTS: undefined, HOST: '0.0.0.0' } });
const named = shareGateway({
  env: {
    ...EXPLORER,
    HOST: '0.0.0.0',
    ALLOWED_HOSTS: 'Gateway.example, gateway_2.example.,10.0.0.5, [2001:DB8::1]',
  },
});

async function startWithExplorer(env: Record<string, string>) {
  return callsTo(await startGateway({ env: { ...EXPLORER, ALLOWED_HOSTS: undefined, ...env } }));
}

/** `call` sends a create or opens the explorer; PORT in a header stands for the gateway's port. */
function callsTo({ graphqlUrl, emulator }: TestGateway) {
  const { port } = new URL(graphqlUrl);
  async function call(method: string, headers: Record<string, string>): Promise<string> {
    const filled = Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', port)]);
    const page = { accept: 'text/html', 'accept-encoding': 'gzip' };
    const kind = method === 'POST' ? { 'content-type': 'application/json' } : page;
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

const REFUSAL = {
  status: 403,
  contentType: 'application/json; charset=utf-8',
  body: {
    errors: [
      {
        message: 'This gateway may not be called by this host name. Its operator can add the name to ALLOWED_HOSTS.',
        extensions: { code: 'FORBIDDEN', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
      },
    ],
  },
};

describe('a DNS rebinding attack on a gateway with anonymous callers', () => {
  const ATTACKS: [method: string, host: string, origin: string | undefined][] = [
    ['POST', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['GET', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['OPTIONS', 'evil.example:PORT', 'http://evil.example:PORT'],
    ['POST', 'EVIL.example:PORT', 'http://evil.example:PORT'],
    ['POST', 'evil.example', 'http://evil.example'],
    ['POST', 'evil.example.:PORT', 'http://evil.example.:PORT'],
    ['POST', 'localhost.evil.example:PORT', 'http://localhost.evil.example:PORT'],
    ['POST', '127.0.0.1.evil.example:PORT', 'http://127.0.0.1.evil.example:PORT'],
    ['POST', 'not-localhost:PORT', 'http://not-localhost:PORT'],
    ['POST', '10.0.0.1:PORT', 'http://10.0.0.1:PORT'],
    ['POST', '[2001:db8::1]:PORT', 'http://[2001:db8::1]:PORT'],
    // Browsers send no Origin when a page reads from its own site, and other clients never do.
    ['GET', 'evil.example:PORT', undefined],
    ['POST', 'evil.example:PORT', undefined],
  ];

  it.each(ATTACKS.flatMap(attack => [['loopback', ...attack] as const, ['the network', ...attack] as const]))(
    'is refused, and nothing is sent: on %s %s to %s from %s',
    async (where, method, host, origin) => {
      const { call, creates } = callsTo(where === 'loopback' ? shared() : onNetwork());
      const headers = { host, ...(origin !== undefined && { origin }) };
      expect(failuresIn(await call(method, headers))).toEqual([REFUSAL]);
      expect(creates()).toBe(0);
    },
  );

  it.each([
    ['an event stream', 'POST', { accept: 'text/event-stream' }],
    [
      'a WebSocket',
      'GET',
      {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'graphql-transport-ws',
      },
    ],
  ])('is refused for %s', async (_what, method, headers) => {
    const { call } = callsTo(onNetwork());
    expect(failuresIn(await call(method, { host: 'evil.example:PORT', ...headers }))).toEqual([REFUSAL]);
  });

  it('is refused when the request target contains a host', async () => {
    const { graphqlUrl } = onNetwork();
    for (const host of ['evil.example', '127.0.0.1']) {
      const request = rawRequest('POST', 'http://evil.example/graphql', CREATE, {
        host,
        'content-type': 'application/json',
      });
      expect(failuresIn(await exchange(graphqlUrl, request))).toMatchObject([{ status: 400 }]);
    }
    expect(onNetwork().emulator.ledger.count('createConnection')).toBe(0);
  });

  it('is refused by a gateway on localhost too', async () => {
    const { call, creates } = await startWithExplorer({ HOST: 'localhost' });
    const answer = await call('POST', { host: 'evil.example:PORT', origin: 'http://evil.example:PORT' });
    expect(failuresIn(answer)).toMatchObject([{ status: 403 }]);
    expect(creates()).toBe(0);
  });

  it('is logged with its reason, in one line per minute', async () => {
    const gateway = await startGateway({ env: { LOG_LEVEL: 'warn', ALLOWED_HOSTS: undefined } });
    const { call } = callsTo(gateway);
    for (let count = 0; count < 5; count += 1) await call('POST', { host: 'dli.example.com:8443' });
    const lines = gateway.log().trim().split('\n');

    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 40, host: 'dli.example.com', count: 1, msg: expect.stringContaining('ALLOWED_HOSTS') },
    ]);
  });

  it('is not suspected when the origin is allowed, such as that of a local proxy', async () => {
    const { call, creates } = await startWithExplorer({ CORS_ORIGINS: 'https://dli.example.com' });
    const answer = await call('POST', { host: 'dli.example.com', origin: 'https://dli.example.com' });
    expect(statusIn(answer)).toBe(200);
    expect(creates()).toBe(1);
  });
});

describe('a gateway with access tokens', () => {
  it('may be called by any name on the network', async () => {
    const gateway = await startTokenGateway({ HOST: '0.0.0.0', ALLOWED_HOSTS: undefined });
    const authorization = `Bearer ${await gateway.sign()}`;
    const { call, creates } = callsTo(gateway);
    const headers = { host: 'gateway.example:PORT', origin: 'http://gateway.example:PORT', authorization };
    expect(statusIn(await call('POST', headers))).toBe(200);
    expect(creates()).toBe(1);
  });

  it('refuses only pages on loopback, and logs why', async () => {
    const gateway = await startTokenGateway({ ALLOWED_HOSTS: 'allowed.example' });
    const authorization = `Bearer ${await gateway.sign()}`;
    const { call, creates } = callsTo(gateway);
    const callAs = (host: string, origin?: string) =>
      call('POST', { host, authorization, ...(origin !== undefined && { origin }) });
    expect(failuresIn(await callAs('gateway.example', 'http://gateway.example'))).toEqual([REFUSAL]);
    expect(creates()).toBe(0);
    expect(gateway.log()).toContain('ALLOWED_HOSTS');
    expect(statusIn(await callAs('gateway.example'))).toBe(200);
    expect(statusIn(await callAs('allowed.example', 'http://allowed.example'))).toBe(200);
  });
});

describe('a gateway with anonymous callers serves', () => {
  it.each([
    ...['127.0.0.1:PORT', 'localhost:PORT', '[::1]:PORT', '127.8.9.10:PORT', 'LOCALHOST:PORT', 'localhost.:PORT'],
    ...['app.localhost:PORT', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]:PORT', '0.0.0.0:PORT', '[::]:PORT'],
  ])('its own page with Host %s', async host => {
    for (const gateway of [shared(), onNetwork(), named()]) {
      const { call, creates } = callsTo(gateway);
      const headers = { host, origin: `http://${host.toLowerCase().replace('port', 'PORT')}` };
      expect(statusIn(await call('POST', headers))).toBe(200);
      expect(creates()).toBe(1);
      const page = await call('GET', headers);
      expect(statusIn(page)).toBe(200);
      expect(headersIn(page)).toContain('content-type: text/html; charset=utf-8');
    }
  });

  it.each([
    ...['gateway.example', 'gateway.example:8443', 'GATEWAY.EXAMPLE.:PORT', 'gateway_2.example:PORT'],
    ...['10.0.0.5:PORT', '[2001:db8:0:0::1]:PORT', '[2001:DB8::1]'],
  ])('clients that call it by an allowed name: %s', async host => {
    const { call, creates } = callsTo(named());
    expect(statusIn(await call('POST', { host }))).toBe(200);
    expect(statusIn(await call('GET', { host, origin: `http://${host}` }))).toBe(200);
    expect(creates()).toBe(1);
    expect(statusIn(await call('POST', { host: 'other.example' }))).toBe(403);
  });

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
