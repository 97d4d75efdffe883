import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

// A zone may be long; few addresses are in use at a time.
const MAX_REMEMBERED_CHARACTERS = 64;
const CANONICAL = new LRUCache<string, string>({ max: 1_000 });
const PORT = /^(?:\[(?<bracketed>[^\]]*)\](?::\d{1,5})?|(?<ipv4>[\d.]+):\d{1,5})$/;

/**
 * The canonical form of an IP address, without port and zone, and IPv4 when it is mapped to IPv6. Undefined for
 * everything else, such as host names.
 */
export function canonicalAddress(text = ''): string | undefined {
  const known = CANONICAL.get(text);
  if (known !== undefined) return known;
  const { bracketed, ipv4 } = PORT.exec(text)?.groups ?? {};
  const address = (bracketed ?? ipv4 ?? text).replace(/%.*$/, '');
  // ipaddr.js alone would accept spellings such as 127.1 and 0x7f000001.
  if (isIP(address) === 0) return undefined;
  const canonical = ipaddr.process(address).toString();
  if (text.length <= MAX_REMEMBERED_CHARACTERS) CANONICAL.set(text, canonical);
  return canonical;
}

/** Whether a host name or address is loopback, that is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** The network of one party: an IPv4 address, or the /64 prefix of an IPv6 address, which is the smallest assigned. */
export function networkOf(canonical: string): string {
  if (isIP(canonical) !== 6) return canonical;
  return ipaddr.IPv6.networkAddressFromCIDR(`${canonical}/64`).toString();
}

/**
 * The network and the number of fixed bits of an IP address or a valid range such as 10.0.0.0/8, and those of IPv4 when
 * it is mapped to IPv6.
 */
export function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text), undefined];
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && (bits ?? 128) >= 96;
  const network = isMapped ? address.toIPv4Address() : address;
  const maxBits = network.kind() === 'ipv4' ? 32 : 128;
  return [network, bits === undefined ? maxBits : bits - (isMapped ? 96 : 0)];
}

/** Creates a function that checks whether an address, in any spelling, is in one of the ranges. */
export function createRangeCheck(texts: readonly string[]): (address: string) => boolean {
  const ranges = texts.map(rangeOf);
  return text => {
    const canonical = canonicalAddress(text);
    if (canonical === undefined) return false;
    const address = ipaddr.parse(canonical);
    return ranges.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  };
}
