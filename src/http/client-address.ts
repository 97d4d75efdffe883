import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { canonicalAddress } from '../lib/ip-address.js';

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

function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text), undefined];
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && (bits ?? 128) >= 96;
  const network = isMapped ? address.toIPv4Address() : address;
  const maxBits = network.kind() === 'ipv4' ? 32 : 128;
  return [network, bits === undefined ? maxBits : bits - (isMapped ? 96 : 0)];
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
