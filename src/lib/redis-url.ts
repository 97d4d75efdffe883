import type { RedisOptions } from 'ioredis';

const DEFAULT_PORT = 6379;

/**
 * The options of ioredis for `redis://[user:password@]host[:port][/database]`; `rediss:` is the same over TLS.
 *
 * @throws {RangeError} with the rule that the text breaks, without any part of it
 */
export function parseRedisUrl(text: string): RedisOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    throw new RangeError('must be an address such as redis://host:6379 or rediss://user:password@host:6380');
  // ioredis would read options from there, which could override those that the store relies on.
  if (url.search !== '' || url.hash !== '') throw new RangeError('must have no query and no fragment');
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (database === undefined) throw new RangeError('must have the number of a database as path, or none');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    ...(url.username !== '' && { username: decode(url.username) }),
    ...(url.password !== '' && { password: decode(url.password) }),
    db: Number(database),
    // Certificates are verified regardless of the environment.
    ...(url.protocol === 'rediss:' && { tls: { rejectUnauthorized: true } }),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError('must have %25 for a percent sign in the user name or password');
  }
}
