/** Where Redis is and how it is used. */
export interface RedisAddress {
  /** What `hosts` are: the server itself, nodes of a cluster, or Sentinels that know the server. */
  readonly mode: 'server' | 'cluster' | 'sentinel';
  /** At least one; exactly one in mode `server`. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database; 0 in a cluster. */
  readonly db: number;
  /** The name by which the Sentinels know the server. */
  readonly masterName: string | undefined;
  readonly isEncrypted: boolean;
}

/** An address, with the settings that are not part of its URL. */
export interface RedisSettings {
  readonly address: RedisAddress;
  /** PEM certificates of the only CAs that are trusted; undefined for Node's CAs. */
  readonly certificates?: readonly string[] | undefined;
  readonly sentinelPassword?: string | undefined;
}

const SYNTAX = /^redis(s?)(?:-(cluster|sentinel))?:\/\/(?:([^/?#]*)@)?([^@/?#]+)(\/[^?#]*)?(\?[^#]*)?(?:#(.*))?$/i;
const DEFAULT_PORT = { server: 6379, cluster: 6379, sentinel: 26379 };

/**
 * Parses `redis://[user:password@]host[:port][/database]`, `redis-cluster://` with nodes that are separated by commas,
 * and `redis-sentinel://` with Sentinels and `#master`; `rediss` instead of `redis` is the same over TLS.
 *
 * @throws {RangeError} with the rule that the text breaks, without any part of it
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [, s, kind = 'server', user, hostList = '', path = '', query, fragment] = SYNTAX.exec(text) ?? [];
  const mode = kind.toLowerCase() as RedisAddress['mode'];
  const hosts = hostList.split(',').map(host => parseHost(host, DEFAULT_PORT[mode]));
  if (!hosts.every(host => host !== undefined) || (mode === 'server' && hosts.length > 1))
    throw new RangeError(
      'must be an address such as redis://host:6379, rediss://user:password@host:6380, ' +
        'redis-cluster://host1:6379,host2:6379 or redis-sentinel://host1:26379,host2:26379/0#master',
    );
  if (query !== undefined) throw new RangeError('must have no query');
  if (mode !== 'sentinel' && fragment !== undefined)
    throw new RangeError('must have no fragment, except with redis-sentinel:');
  if (mode === 'sentinel' && !fragment) throw new RangeError('must end with the name of the master, such as #mymaster');
  const database = /^\/?(\d{0,4})$/.exec(path)?.[1];
  if (database === undefined) throw new RangeError('must have the number of a database as path, or none');
  if (mode === 'cluster' && Number(database) !== 0) throw new RangeError('must have no database but 0 with a cluster');
  return {
    mode,
    hosts,
    ...parseUser(user),
    db: Number(database),
    masterName: fragment === undefined ? undefined : decode(fragment),
    isEncrypted: s !== '',
  };
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const url = URL.canParse(`redis://${text}`) ? new URL(`redis://${text}`) : undefined;
  if (url === undefined || url.hostname === '') return undefined;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
  };
}

function parseUser(user: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  const [, username, password] = /^([^:]*)(?::(.*))?$/s.exec(user ?? '') ?? [];
  return { username: username ? decode(username) : undefined, password: password ? decode(password) : undefined };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError('must have %25 for a percent sign in the user name or password');
  }
}
