import type { RedisOptions } from 'ioredis';
import { StoreConfigError } from './operation-store.js';

const DEFAULT_PORT = 6379;

/**
 * The options of ioredis for `redis://[user:password@]host[:port][/database]`; `rediss:` is the same over TLS.
 *
 * @throws {StoreConfigError} naming REDIS_URL, without any part of its value
 */
export function parseRedisUrl(text: string): RedisOptions {
  if (!URL.canParse(text)) throw new StoreConfigError('REDIS_URL', 'this is not a URL.');
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new StoreConfigError('REDIS_URL', 'the URL must begin with redis:// or rediss://.');
  if (url.hostname === '') throw new StoreConfigError('REDIS_URL', 'the URL has no host.');
  // ioredis would read options from there, which could override those that the store relies on.
  if (url.search !== '' || url.hash !== '')
    throw new StoreConfigError('REDIS_URL', 'the URL must have no query and no fragment.');
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (database === undefined) throw new StoreConfigError('REDIS_URL', 'the path must be the number of a database.');
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
    throw new StoreConfigError('REDIS_URL', 'a percent sign in the user name or password must be written as %25.');
  }
}
