import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { onCleanup } from '../../helpers/clean-up.js';
import { listen } from '../../helpers/listening-server.js';
import { QUICK_FOLDER } from '../../helpers/quick-folder.js';
import { tlsFixture } from '../../helpers/tls-fixture.js';

/**
 * A forward proxy on loopback whose tunnels all lead to one upstream; it stops after the test, or after all tests when
 * it was started before them.
 */
export interface ConnectProxy {
  /** Its address, without user and password. */
  url: string;
  /** The heads of all CONNECT requests. */
  requests: IncomingMessage[];
  /** What it does with the next requests instead of opening tunnels. When it is empty, tunnels are opened. */
  faults: ((client: Duplex) => void)[];
  /** Resets all open tunnels. */
  reset(): void;
}

/** Starts a proxy whose tunnels lead to a loopback port, no matter which host they are for. */
export async function startConnectProxy(targetPort: number, { isEncrypted = false } = {}): Promise<ConnectProxy> {
  const requests: IncomingMessage[] = [];
  const faults: ConnectProxy['faults'] = [];
  const server = isEncrypted ? createHttpsServer(tlsFixture()) : createServer();
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    requests.push(request);
    client.on('error', () => client.destroy());
    const fault = faults.shift();
    if (fault === undefined) openTunnel(client, targetPort);
    else fault(client);
  });
  const { host, connections } = await listen(server);
  return {
    url: `${isEncrypted ? 'https' : 'http'}://${host}`,
    requests,
    faults,
    reset: () => {
      for (const socket of connections()) socket.resetAndDestroy();
    },
  };
}

/** An upstream with TLS for dli.test, iam.test and issuer.test. */
export interface TlsFront {
  port: number;
  /** All bytes that it decrypted. */
  decrypted(): string;
  /** Forgets these bytes. */
  forget(): void;
}

/** Starts TLS in front of a server on loopback. */
export async function startTlsFront(
  upstreamUrl: string,
  certificate: 'hosts' | 'interceptor' = 'hosts',
): Promise<TlsFront> {
  const decrypted: Buffer[] = [];
  const server = createTlsServer(tlsFixture(certificate), client => {
    client.on('data', (chunk: Buffer) => decrypted.push(chunk));
    link(client, connect(Number(new URL(upstreamUrl).port), '127.0.0.1'));
  });
  server.on('tlsClientError', () => undefined);
  const { port } = await listen(server);
  return {
    port,
    decrypted: () => Buffer.concat(decrypted).toString('latin1'),
    forget: () => {
      decrypted.length = 0;
    },
  };
}

/** Writes a PEM file of these certificates, for CA_FILE; it is removed after the test. */
export function createCaFile(...names: Parameters<typeof tlsFixture>[0][]): string {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-ca-'));
  onCleanup(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ca.pem');
  writeFileSync(path, names.map(name => tlsFixture(name).cert).join(''));
  return path;
}

function openTunnel(client: Duplex, port: number): void {
  const upstream = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
  link(client, upstream);
}

function link(client: Duplex, upstream: Socket): void {
  client.on('error', () => client.destroy()).on('close', () => upstream.destroy());
  upstream.on('error', () => upstream.destroy()).on('close', () => client.destroy());
  client.pipe(upstream).pipe(client);
}
