import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import { createRangeCheck, isLoopback } from '../lib/ip-address.js';
import { codeOf } from '../lib/logger.js';
import { TransportError } from './transport-error.js';

/** The forward proxy through which upstream hosts are reached. */
export interface EgressProxy {
  /** Its address, with the user and the password if it asks for them. */
  readonly url: URL;
  /** Hosts that are reached directly: the parts of `NO_PROXY`. */
  readonly noProxy: readonly string[];
}

/** Texts that must never be shown: the address of a proxy, its user and its password, in all their forms. */
export function proxyTexts({ url }: EgressProxy): string[] {
  const secrets = [url.username, url.password].flatMap(text => [text, decodeURIComponent(text)]);
  return [url.href, url.host, url.hostname, encodedUser(url), ...secrets];
}

/** Limits and trust of one connection, which apply to the proxy and to the host behind it. */
type ConnectOptions = Pick<ConnectionOptions, 'rejectUnauthorized' | 'minVersion' | 'ca'> & { timeout: number };

/**
 * Creates a connector for undici that reaches hosts through tunnels of a proxy (RFC 9110, section 9.3.6), and verifies
 * their certificates as without one. Loopback hosts, and those of `NO_PROXY`, are reached directly.
 *
 * undici's own ProxyAgent is not used: when a proxy closes the connection instead of answering, it reconnects at once,
 * thousands of times a second, and never reports the failure.
 */
export function createProxyConnector(proxy: EgressProxy, tls: ConnectOptions): buildConnector.connector {
  const connect = buildConnector(tls);
  return (target, callback) => {
    const port = target.port || '443';
    if (target.protocol !== 'https:' || isDirect(target.hostname, port, proxy.noProxy)) {
      connect(target, callback);
      return;
    }
    const host = isIP(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname;
    openTunnel(proxy.url, `${host}:${port}`, tls).then(
      httpSocket => secure(connect, target, httpSocket, callback),
      error => callback(error, null),
    );
  };
}

/** Whether a host is reached without the proxy. `NO_PROXY` is read as by curl, with ports as in other programs. */
export function isDirect(hostname: string, port: string, noProxy: readonly string[]): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  if (isLoopback(host) || (noProxy.length === 1 && noProxy[0] === '*')) return true;
  return noProxy.some(entry => {
    const parts = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry);
    if (parts !== null && parts[2] !== port) return false;
    const name = (parts?.[1] ?? entry).toLowerCase().replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0) return (isIP(name) !== 0 || ipaddr.isValidCIDR(name)) && createRangeCheck([name])(host);
    const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
    return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
  });
}

/**
 * Opens a tunnel to a host.
 *
 * @throws {TransportError} PROXY_REFUSED, PROXY_FAILED or CONNECT_TIMEOUT
 */
function openTunnel(proxy: URL, authority: string, { timeout, ...tls }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const isEncrypted = proxy.protocol === 'https:';
    const host = proxy.hostname.replace(/^\[(.*)\]$/, '$1');
    const request = (isEncrypted ? requestHttps : requestHttp)({
      // Node would take the name to verify from the Host header, which names the other end of the tunnel.
      ...(isEncrypted && { ...tls, servername: isIP(host) === 0 ? host : '' }),
      agent: false,
      method: 'CONNECT',
      host,
      port: proxy.port || (isEncrypted ? 443 : 80),
      path: authority,
      headers: { host: authority, ...authorizationOf(proxy) },
    });
    const timer = setTimeout(() => request.destroy(proxyError('CONNECT_TIMEOUT', 'PROXY_TIMEOUT')), timeout);
    request
      .on('connect', ({ statusCode = 0 }, socket, head) => {
        clearTimeout(timer);
        // The owner of the connection to the host reports its end.
        socket.on('error', () => socket.destroy());
        // A TLS server never speaks first.
        if (statusCode >= 200 && statusCode < 300 && head.length === 0) {
          resolve(socket);
          return;
        }
        socket.destroy();
        const isRefusal = statusCode >= 400 && statusCode < 500;
        reject(proxyError(isRefusal ? 'PROXY_REFUSED' : 'PROXY_FAILED', `HTTP_${statusCode}`));
      })
      .on('error', error => {
        clearTimeout(timer);
        reject(error instanceof TransportError ? error : proxyError('PROXY_FAILED', codeOf(error)));
      })
      .end();
  });
}

/** Starts TLS with the host at the end of a tunnel. */
function secure(
  connect: buildConnector.connector,
  target: buildConnector.Options,
  httpSocket: Socket,
  callback: buildConnector.Callback,
): void {
  let isSettled = false;
  const settle = (...result: Parameters<buildConnector.Callback>) => {
    if (isSettled) return;
    isSettled = true;
    const [error] = result;
    if (error === null) callback(...result);
    else callback(codeOf(error) === 'ECONNRESET' ? proxyError('PROXY_FAILED', 'ECONNRESET') : error, null);
  };
  // A tunnel that closes during the handshake may end the TLS socket without an error.
  httpSocket.once('close', () => settle(proxyError('PROXY_FAILED', 'ECONNRESET'), null));
  connect({ ...target, httpSocket }, settle);
}

/** The error of a failed tunnel. Nothing of a request is sent before its tunnel is open. */
function proxyError(failure: 'PROXY_REFUSED' | 'PROXY_FAILED' | 'CONNECT_TIMEOUT', causeCode?: string): TransportError {
  return new TransportError(failure, false, causeCode);
}

function authorizationOf(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {};
  return { 'proxy-authorization': `Basic ${encodedUser(proxy)}` };
}

/** The user and the password in the form of Basic authentication. */
function encodedUser({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
}
