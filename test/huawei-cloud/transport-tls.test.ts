import { randomBytes } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, closeGateways, sendGraphql, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { listen } from '../helpers/listening-server.js';
import { TEST_CERTIFICATE_PATH, tlsFixture } from '../helpers/tls-fixture.js';
import { createCaFile } from './helpers/connect-proxy.js';

afterEach(closeGateways);

const UNREACHABLE = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_UNAVAILABLE',
  message: 'DLI cannot be used at the moment. Nothing was created; try again later.',
  retryAfterSeconds: 5,
};

/** A TLS upstream that accepts every request and records what it could decrypt. */
async function startTlsUpstream(options: ServerOptions = tlsFixture()) {
  const decrypted: string[] = [];
  const server = createHttpsServer(options, (_request, response) => {
    response.writeHead(201, { connection: 'close' }).end('{"connection_id":"68233202-63bf-4f27-a99b-fa5f5a2dbae1"}');
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.prependListener('data', chunk => decrypted.push(String(chunk)));
  });
  const { port, connections } = await listen(server);
  return {
    port,
    connections,
    decrypted: () => decrypted.join(''),
    /** Changes the certificate, and forgets what was decrypted. */
    present(certificate: Parameters<typeof tlsFixture>[0]) {
      server.setSecureContext(tlsFixture(certificate));
      // No session with the previous certificate can be resumed.
      server.setTicketKeys(randomBytes(48));
      decrypted.length = 0;
    },
  };
}

/** A server without TLS that records what it received. */
async function startPlainUpstream() {
  const received: Buffer[] = [];
  const server = createServer((socket: Socket) => {
    socket.on('data', chunk => {
      received.push(chunk);
      socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
    });
  });
  const { port, connections } = await listen(server);
  return { port, connections, received: () => Buffer.concat(received).toString('latin1') };
}

/** Disables verification after startup, because the configuration check would refuse it. */
const RELAX_ON_SIGNAL = `process.on('SIGUSR2', () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  process.stdout.write('{"msg":"relaxed"}\\n');
});`;

describe('an upstream without a valid certificate', () => {
  it.each<[why: string, options: ServerOptions]>([
    ['its certificate is not signed by a trusted authority', tlsFixture()],
    ['its certificate has expired', tlsFixture('expired')],
    ['it supports TLS 1.1 at most', { ...tlsFixture(), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }],
  ])('because %s is reported as unavailable and receives no byte of the request', async (_why, options) => {
    const upstream = await startTlsUpstream(options);
    const { create, log } = await startGateway({
      env: { DLI_ENDPOINT: `https://127.0.0.1:${upstream.port}` },
    });
    expect(await create()).toEqual(UNREACHABLE);
    expect(log()).toContain('"mayHaveBeenSent":false');
    expect(upstream.connections()).toHaveLength(1);
    expect(upstream.decrypted()).toBe('');
  });

  it('because it does not support TLS is reported as unavailable and receives no byte of the request', async () => {
    const upstream = await startPlainUpstream();
    const { create } = await startGateway({ env: { DLI_ENDPOINT: `https://127.0.0.1:${upstream.port}` } });
    expect(await create()).toEqual(UNREACHABLE);
    expect(upstream.connections()).toHaveLength(1);
    expect(upstream.received()).not.toMatch(/POST|datasource|SDK-HMAC/);
  });
});

describe('a gateway whose environment relaxes TLS', () => {
  let upstream: Awaited<ReturnType<typeof startTlsUpstream>>;
  let gateway: GatewayProcess;
  let graphqlUrl: string;

  beforeAll(async () => {
    upstream = await startTlsUpstream();
    gateway = startGatewayProcess(
      {
        ...environmentFor('https://127.0.0.1:1'),
        DLI_ENDPOINT: `https://127.0.0.1:${upstream.port}`,
        NODE_EXTRA_CA_CERTS: createCaFile('valid', 'hosts'),
      },
      { preload: RELAX_ON_SIGNAL },
    );
    ({ graphqlUrl } = await gateway.addresses());
    gateway.signal('SIGUSR2');
    await gateway.find(/relaxed/);
  });

  async function create(): Promise<unknown> {
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
    return body.data?.['createDatasourceConnection'];
  }

  it.each([
    ['does not trust an unknown certificate', 'interceptor', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['does not accept the certificate of another host', 'hosts', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const)('%s nevertheless', async (_what, certificate, causeCode) => {
    upstream.present(certificate);
    expect(await create()).toEqual(UNREACHABLE);
    await gateway.find(new RegExp(`"causeCode":"${causeCode}"`));
    expect(upstream.decrypted()).toBe('');
  });

  it('connects to a host with a trusted, valid certificate', async () => {
    upstream.present('valid');
    expect(await create()).toMatchObject({ connectionId: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' });
    expect(upstream.decrypted()).toMatch(/^POST \/v2\.0\/48cc2c48765f481480c7db940d6409d1\/datasource-connection /);
  });
});

describe('a gateway with configured certificate authorities', () => {
  it('connects to a host whose certificate one of them has signed', async () => {
    const upstream = await startTlsUpstream();
    const { create } = await startGateway({
      env: { DLI_ENDPOINT: `https://127.0.0.1:${upstream.port}`, CA_FILE: TEST_CERTIFICATE_PATH },
    });
    expect(await create()).toMatchObject({ connectionId: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' });
  });

  it.each<[which: string, host: string, options: ServerOptions]>([
    ['another host', 'localhost', tlsFixture()],
    ['a host whose certificate has expired', '127.0.0.1', tlsFixture('expired')],
  ])('does not connect to %s', async (_which, host, options) => {
    const upstream = await startTlsUpstream(options);
    const { create } = await startGateway({
      env: { DLI_ENDPOINT: `https://${host}:${upstream.port}`, CA_FILE: TEST_CERTIFICATE_PATH },
    });
    expect(await create()).toEqual(UNREACHABLE);
    expect(upstream.decrypted()).toBe('');
  });

  it('also requests IAM tokens over such a connection', async () => {
    const upstream = await startTlsUpstream();
    const { create } = await startGateway({
      env: {
        ...IAM_USER,
        HUAWEICLOUD_SDK_IAM_ENDPOINT: `https://127.0.0.1:${upstream.port}`,
        CA_FILE: TEST_CERTIFICATE_PATH,
      },
    });
    await create();
    expect(upstream.decrypted()).toMatch(/^POST \/v3\/auth\/tokens/);
  });
});
