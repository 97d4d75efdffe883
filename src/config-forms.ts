import { isIP } from 'node:net';
import { z } from 'zod';

const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** The rule of addresses over which secrets or keys come. */
export const ENCRYPTED_RULE = 'must use https; http is accepted for loopback addresses only';

/** A port; 0 lets the system choose. */
export const port = whole(0, 65_535, 'must be a port number from 0 to 65535');
/** A name or an address to listen on. */
export const hostName = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address');
/** A text that may stand in a header. */
export const headerSafe = z.string().regex(HEADER_SAFE, 'must be printable ASCII without spaces');
/** The address of a service of Huawei Cloud. */
export const endpoint = z
  .string()
  .refine(isBareUrl, 'must be an address with its scheme and without path, query or user')
  .refine(isEncryptedOrLoopback, ENCRYPTED_RULE)
  .transform(text => new URL(text));
/** Parts separated by commas; spaces around them and empty ones do not count. */
export const list = z.string().transform(text =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== ''),
);

/** Whether a host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** A whole number from a text of digits. */
export function whole(min: number, max: number, rule: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(value => value >= min && value <= max, rule);
}

/** true or false. */
export function flag() {
  return z.enum(['true', 'false'], 'must be true or false').transform(value => value === 'true');
}

/** One of a few words. */
export function oneOf<const T extends string>(...values: [T, ...T[]]) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

function isBareUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && `${search}${hash}${username}${password}` === '';
}

/** Whether an address is encrypted or does not leave this machine. */
export function isEncryptedOrLoopback(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol !== 'http:' || isLoopback(hostname);
}

/** Whether a text is an origin as browsers write it. */
export function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
