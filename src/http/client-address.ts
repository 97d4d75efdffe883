import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { canonicalAddress, rangeOf } from '../lib/ip-address.js';

/** Creates Fastify's `trustProxy` function, which also knows proxies that write their address with a port. */
export function createProxyTrust(trustedProxies: readonly string[]): (address: string) => boolean {
  const ranges = trustedProxies.map(rangeOf);
  return text => {
    const canonical = canonicalAddress(text);
    if (canonical === undefined) return false;
    const address = ipaddr.parse(canonical);
    return ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  };
}

/**
 * The canonical IP address of a client: the last one of `X-Forwarded-For` that no trusted proxy has, or that of the
 * nearest known proxy when it is no IP address. `unknown` when the client has disconnected.
 */
export function clientAddressOf({ ip, ips = [ip] }: FastifyRequest): string {
  for (const text of ips.toReversed()) {
    const address = canonicalAddress(text);
    if (address !== undefined) return address;
  }
  return 'unknown';
}
