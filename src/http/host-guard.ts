import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import ipaddr from 'ipaddr.js';
import { canonicalAddress } from '../lib/ip-address.js';
import type { OriginCheck } from './origins.js';
import { isSameOrigin } from './origins.js';
import { memoize } from './request-validation.js';

const LOG_INTERVAL_MS = 60_000;
// RFC 1035, section 2.3.4. A Host header may be longer.
const MAX_NAME_LENGTH = 253;

/** The rules of a {@link HostGuard}. */
interface Rules {
  /**
   * Which requests are checked. `all`: without authentication, only the name distinguishes a page of another site from
   * a client. `ownPages`: those of pages that browsers consider the gateway's own.
   */
  appliesTo: 'all' | 'ownPages' | 'none';
  /** Names and addresses, in addition to loopback. */
  allowedHosts: readonly string[];
  /** Whether pages of an origin may call the gateway under any name. */
  isListedOrigin: OriginCheck;
}

/**
 * Refuses DNS rebinding: to a browser, a page of another site whose host name now resolves to the gateway is
 * same-origin, so it would be answered like a page of the gateway.
 */
export class HostGuard {
  readonly #isAllowed: (host: string) => boolean;
  #refusals = 0;
  #logAgainAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly rules: Rules,
    private readonly log: FastifyBaseLogger,
  ) {
    const allowedNames = new Set(rules.allowedHosts.map(nameOf));
    this.#isAllowed = memoize(100, host => {
      const name = nameOf(host);
      return isLoopbackName(name) || allowedNames.has(name);
    });
  }

  /** Whether to refuse a request with these headers, whose `Host` is valid. Logs the reason at most once a minute. */
  refuses(headers: IncomingHttpHeaders): boolean {
    const { host = '', origin } = headers;
    const { appliesTo, isListedOrigin } = this.rules;
    if (appliesTo === 'none' || (origin !== undefined && isListedOrigin(origin))) return false;
    if (appliesTo === 'ownPages' && !isSameOrigin(headers)) return false;
    if (this.#isAllowed(host)) return false;
    this.#logRefusal(nameOf(host));
    return true;
  }

  #logRefusal(name: string): void {
    this.#refusals += 1;
    const nowMs = performance.now();
    if (nowMs < this.#logAgainAtMs) return;
    this.log.warn(
      { host: name.slice(0, MAX_NAME_LENGTH), count: this.#refusals },
      'refused: ALLOWED_HOSTS lacks this name. If it is yours, such as that of a proxy, add it; else it is an attack.',
    );
    this.#refusals = 0;
    this.#logAgainAtMs = nowMs + LOG_INTERVAL_MS;
  }
}

/** The canonical form of a host name or IP address, without port, brackets and trailing dot. */
function nameOf(host: string): string {
  const isBareIpv6 = !host.startsWith('[') && host.indexOf(':') !== host.lastIndexOf(':');
  const { hostname } = new URL(`http://${isBareIpv6 ? `[${host}]` : host}`);
  return canonicalAddress(hostname) ?? hostname.replace(/\.$/, '');
}

// The unspecified address reaches the machine itself, and browsers resolve all of .localhost to it (RFC 6761).
function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return ipaddr.isValid(name) && ['loopback', 'unspecified'].includes(ipaddr.parse(name).range());
}
