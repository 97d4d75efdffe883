import ipaddr from 'ipaddr.js';

/** The network of one party: an IPv4 address, or the /64 prefix of an IPv6 address, which is the smallest assigned. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return parsed.parts
    .slice(0, 4)
    .map(part => part.toString(16))
    .join(':');
}
