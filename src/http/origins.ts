import type { IncomingHttpHeaders } from 'node:http';
import { declaresJson } from './request-validation.js';

/** Whether pages of an origin may call the gateway from a browser. */
export type OriginCheck = (origin: string) => boolean;

/** Creates the check for a list of origins, such as `https://app.example.com` or `http://localhost:*` (any port). */
export function createOriginCheck(origins: readonly string[]): OriginCheck {
  const listed = new Set(origins);
  return origin => listed.has(origin) || listed.has(origin.replace(/(:\d+)?$/, ':*'));
}

/**
 * Whether a WebSocket handshake comes from a page of this server, from a listed origin, or not from a browser.
 *
 * CORS does not apply to WebSockets, so the server must check the origin itself (RFC 6455, section 10.2).
 */
export function isAllowedOrigin(headers: IncomingHttpHeaders, isListed: OriginCheck): boolean {
  const { origin } = headers;
  return origin === undefined || isListed(origin) || isSameOrigin(headers);
}

/** Whether a browser considers the page that sends a request one of the gateway's own. */
export function isSameOrigin({ host, origin }: IncomingHttpHeaders): boolean {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/**
 * Whether a GET may come from a page of another site that is not listed. Such a page cannot read the response, but
 * could make its visitors' browsers send expensive queries.
 *
 * A request is trusted because of a header that browsers send cross-origin only after a preflight, which is refused;
 * because of its `Origin` or its `Sec-Fetch-Site`; or because no browser sent it. Browsers omit `Sec-Fetch-Site` when a
 * server on another machine has no TLS, so the `User-Agent` decides there, and the `Accept` header: forms, links and
 * images ask for neither JSON nor events.
 */
export function mayBeCrossSite(headers: IncomingHttpHeaders, isListed: OriginCheck): boolean {
  if (needsPreflight(headers)) return false;
  const { origin, 'sec-fetch-site': site, 'user-agent': agent = '', accept = '' } = headers;
  if (origin !== undefined) return !isAllowedOrigin(headers, isListed);
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return agent.startsWith('Mozilla/') || !/json|event-stream/.test(accept);
}

// The headers that Apollo's clients send for this purpose, and the one content type that forms cannot have.
function needsPreflight(headers: IncomingHttpHeaders): boolean {
  return Boolean(headers['x-apollo-operation-name'] || headers['apollo-require-preflight']) || declaresJson(headers);
}
