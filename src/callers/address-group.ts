import { isIPv4, isIPv6 } from 'node:net';

/**
 * What addresses of one party have in common: an IPv4 address whole, of an IPv6 address the first 64 bits, because
 * whoever has one of those has all that begin with them.
 */
export function addressGroupOf(address: string): string {
  const [plain = ''] = address.split('%');
  const mapped = /^::ffff:([\d.]+)$/i.exec(plain)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const missing = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last];
  return all
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':');
}

// An IPv4 address at the end stands for two groups.
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap(group => (group.includes('.') ? ['0', '0'] : [group]));
}
