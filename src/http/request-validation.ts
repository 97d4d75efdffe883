import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * Whether a message leaves no doubt about its target and its length, beyond what Node itself checks:
 * one valid `host`, a path as target, and no transfer coding but `chunked`.
 */
export function isWellFormed({ headers, rawHeaders, url = '' }: IncomingMessage): boolean {
  const { host = '', 'transfer-encoding': coding } = headers;
  return (
    url.startsWith('/') &&
    HOST.test(host) &&
    URL.canParse(`http://${host}`) &&
    hasOneHost(rawHeaders) &&
    (coding === undefined || coding.toLowerCase() === 'chunked')
  );
}

/** Whether a message announces a body that is longer than the limit, or does not say how long it is. */
export function mayHaveLargeBody(headers: IncomingHttpHeaders, maxBytes: number): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxBytes;
}

// Node keeps the first of several Host headers and says nothing of the others.
function hasOneHost(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1;
}

/** Whether a body, if there is one, is UTF-8 and not compressed by what its headers say. */
export function isReadableBody(headers: IncomingHttpHeaders): boolean {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  if (type === 'application/json' && encoding === 'identity') return true;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  return /^utf-?8$/i.test(charset) && encoding === 'identity';
}

/**
 * Whether a request comes from a page of this server, of one of the allowed origins, or from no page at all.
 *
 * Browsers let pages of every site open WebSockets, and leave it to the server to look at where they come from.
 */
export function isFromOwnPage(
  { host, origin }: IncomingHttpHeaders,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined || allowedOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/**
 * Whether a browser's page calls a server of this machine under a name of its own: DNS rebinding, which makes a
 * foreign page look like one of ours.
 *
 * @param allowedOrigins pages that may call, such as those of a proxy on this machine that passes its name on
 */
export function isRebound({ host, origin }: IncomingHttpHeaders, allowedOrigins: readonly string[]): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  if (allowedOrigins.includes(origin)) return false;
  const { host: originHost, hostname } = new URL(origin);
  return originHost === host.toLowerCase() && !/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
