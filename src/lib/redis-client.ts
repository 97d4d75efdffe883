import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectEncrypted } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { AbstractConnector, Redis } from 'ioredis';
import type { OutageLines } from './outage-log.js';
import { OutageLog } from './outage-log.js';
import { explainRefusal, isReplyError } from './redis-errors.js';
import type { RedisAddress, RedisSettings } from './redis-url.js';

const CONNECT_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 250;
const DISCONNECT_TIMEOUT_MS = 20;
const RECHECK_MS = 10_000;
const RECONNECT_MS = { min: 50, max: 2_000 };
// A connection that is closed while it waits for a Sentinel ends only after this time.
const SENTINEL_RETRY_MS = 500;

/** A key that the gateway may ask for, though it is never written. */
const ANY_KEY = 'dli-gateway:any';

type Host = RedisAddress['hosts'][number];
type Credentials = Pick<RedisAddress, 'username' | 'password'>;

/**
 * Creates the connections to one Redis, each to the server that holds a given key: in a cluster the node of its slot,
 * with Sentinels the current master. All keys of a connection must share a slot.
 *
 * A cluster's node is looked up for each connection, instead of by ioredis' `Cluster`: the server check, the timeouts
 * and the loss detection rely on one connection to one server at a time.
 */
export class RedisClients {
  // Private fields, because options of ioredis expose the password.
  readonly #settings: RedisSettings;
  readonly #clients = new Set<Redis>();
  #credentials: Credentials;

  /** @param commandTimeoutMs limit of a command for features that also work without Redis; 250 by default */
  constructor(
    settings: RedisSettings,
    readonly commandTimeoutMs = COMMAND_TIMEOUT_MS,
  ) {
    this.#settings = settings;
    this.#credentials = settings.address;
  }

  /** Whether connections follow the keys to another node of a cluster. */
  get isCluster(): boolean {
    return this.#settings.address.mode === 'cluster';
  }

  /**
   * Opens a connection that fails fast: a command that cannot be sent now, or was on its way when the connection broke,
   * is not sent later.
   *
   * @param key one of its keys
   */
  create(key: string, options: RedisOptions = {}): Redis {
    const client = new Redis({
      ...this.#optionsFor(key),
      ...definedOf(this.#credentials),
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
      reconnectOnError: error => this.hasMoved(error),
      ...options,
    });
    return this.#register(client);
  }

  /** Opens another connection with the options of one, some of them changed. */
  duplicate(client: Redis, changes: Partial<RedisOptions>): Redis {
    return this.#register(client.duplicate(changes));
  }

  /** Whether an error means that another server must be used, which a new connection will find. */
  hasMoved({ message }: Error): boolean {
    // After a failover this server is a replica.
    return message.includes('READONLY') || (this.isCluster && message.startsWith('MOVED '));
  }

  /**
   * Uses other credentials for new connections, once Redis has accepted them.
   *
   * @returns `accepted`; `refused` by Redis; or `unreachable`
   */
  async replaceCredentials({ username, password }: Credentials): Promise<'accepted' | 'refused' | 'unreachable'> {
    // Without credentials, because ioredis sends the first command along with them: even if Redis refuses them, it
    // would execute the command as the user `default`, if that has no password.
    const client = this.create(ANY_KEY, { ...LOOKUP_OPTIONS, username: undefined, password: undefined });
    client.on('error', () => undefined);
    try {
      if (password === undefined) await client.exists(ANY_KEY);
      else await (username === undefined ? client.auth(password) : client.auth(username, password));
    } catch (error) {
      return isReplyError(error) ? 'refused' : 'unreachable';
    } finally {
      client.disconnect();
    }
    this.#credentials = { username, password };
    // ioredis reads them for each connection.
    for (const { options } of this.#clients) Object.assign(options, this.#credentials);
    return 'accepted';
  }

  #register(client: Redis): Redis {
    this.#clients.add(client);
    return client.once('end', () => this.#clients.delete(client));
  }

  #optionsFor(key: string): RedisOptions {
    const { address, certificates, sentinelPassword } = this.#settings;
    const { mode, hosts, db, masterName, isEncrypted } = address;
    // Certificates are verified regardless of the environment.
    const tls = isEncrypted
      ? { rejectUnauthorized: true, ...(certificates !== undefined && { ca: [...certificates] }) }
      : undefined;
    const shared: RedisOptions = { db, ...(tls !== undefined && { tls }) };
    if (mode === 'server') return { ...shared, ...hosts[0] };
    if (mode === 'cluster') return { ...shared, Connector: clusterConnector(hosts, key) };
    return {
      ...shared,
      sentinels: hosts.map(host => ({ ...host })),
      ...(masterName !== undefined && { name: masterName }),
      ...(sentinelPassword !== undefined && { sentinelPassword }),
      ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
      sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
      sentinelRetryStrategy: attempt => Math.min(SENTINEL_RETRY_MS, reconnectionDelayMs(attempt)),
    };
  }
}

// To ioredis, an undefined option is not the same as an absent one.
function definedOf({ username, password }: Credentials): { username?: string; password?: string } {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

/** The options of a connection for one command. */
const LOOKUP_OPTIONS: RedisOptions = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  enableOfflineQueue: true,
  enableReadyCheck: false,
  disableClientInfo: true,
  reconnectOnError: () => false,
  retryStrategy: () => null,
};

/** The class with which ioredis opens the connections to the node of a cluster that holds a key. */
function clusterConnector(nodes: readonly Host[], key: string) {
  /** The node that held the key last: the given ones may be gone by now. */
  let last: Host | undefined;
  return class ClusterConnector extends AbstractConnector {
    readonly #options: RedisOptions;

    constructor(options: unknown) {
      super(DISCONNECT_TIMEOUT_MS);
      this.#options = options as RedisOptions;
    }

    async connect(): Promise<Socket> {
      this.connecting = true;
      const known = last === undefined ? nodes : [...nodes, last];
      // ioredis ends a client for good when its connector fails, but retries a connection that fails. A node that
      // refuses the credentials at least answers; the first one may be gone.
      const found = await Promise.any(known.map(node => findHolder(node, key, this.#options))).catch(
        ({ errors }: AggregateError) => known[Math.max(0, errors.findIndex(isReplyError))],
      );
      if (!this.connecting || found === undefined) throw new Error('Connection is closed.');
      last = found;
      const { tls } = this.#options;
      const socket = tls === undefined ? connect({ ...found }) : connectEncrypted({ ...found, ...tls });
      socket.once('error', error => {
        this.firstError = error;
      });
      this.stream = socket;
      return socket;
    }
  };
}

/** Asks one node which node of the cluster holds a key. */
async function findHolder(node: Host, key: string, { username, password, tls }: RedisOptions): Promise<Host> {
  const client = new Redis({
    ...node,
    ...(username && { username }),
    ...(password && { password }),
    ...(tls && { tls }),
    ...LOOKUP_OPTIONS,
  });
  client.on('error', () => undefined);
  try {
    await client.exists(key);
    return node;
  } catch (error) {
    // A reply without a host means the node that was asked.
    if (!isReplyError(error)) throw error;
    // Other credentials can be proven by any node, without waiting for those that are gone.
    if (password === undefined && /^(NOAUTH|NOPERM)/.test(error.message)) return node;
    const [, host, port] = /^MOVED \d+ (.*):(\d+)$/.exec(error.message) ?? [];
    if (port === undefined) throw error;
    return { host: host || node.host, port: Number(port) };
  } finally {
    client.disconnect();
  }
}

/**
 * Opens a fail-fast connection to Redis for features that also work without it. A command fails immediately while
 * Redis is unreachable, or without a reply in time.
 *
 * Separate from the connection of the operation store, so that neither delays the commands of the other. An
 * unreachable server does not fail the call: reconnection continues in the background.
 *
 * @param key one of its keys
 * @param lines the log lines when Redis becomes unavailable, with the reason if Redis gave one, and when it is
 *   available again
 * @param logWindowMs time between two of them during an outage, in milliseconds; a minute by default
 */
export async function connectBestEffort(
  clients: RedisClients,
  key: string,
  lines: OutageLines,
  logWindowMs?: number,
): Promise<Redis> {
  let refusal: { detail?: string } = {};
  let recheck: NodeJS.Timeout | undefined;
  const outage = new OutageLog({ ...lines, start: fields => lines.start({ ...fields, ...refusal }) }, logWindowMs);
  const redis = clients.create(key, {
    commandTimeout: clients.commandTimeoutMs,
    // Detects a dead server, which does not close the connection: otherwise every command would time out.
    socketTimeout: clients.commandTimeoutMs,
    retryStrategy: attempt => reconnectionDelayMs(attempt),
    // The only place that sees every error of Redis, including those that the rate limiter swallows.
    reconnectOnError: error => {
      if (clients.hasMoved(error)) return true;
      const detail = explainRefusal(error);
      if (detail === undefined) return false;
      refusal = { detail };
      outage.start();
      // Only the next command on a new connection shows whether it is still refused.
      recheck ??= setTimeout(() => {
        recheck = undefined;
        if (redis.status === 'ready') redis.disconnect(true);
      }, RECHECK_MS).unref();
      return false;
    },
  });
  const endRecheck = () => {
    clearTimeout(recheck);
    recheck = undefined;
  };
  const firstAttempt = new Promise<void>(resolve => {
    redis
      .once('ready', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
  });
  redis.on('ready', () => {
    refusal = {};
    endRecheck();
    outage.end();
  });
  redis.on('close', endRecheck);
  // Errors of ioredis contain commands, so they are not passed on.
  redis.on('error', () => outage.start());
  redis.on('end', () => outage.close());
  await firstAttempt;
  return redis;
}

/** Milliseconds to wait before a connection is tried again: twice as long each time, with jitter. */
export function reconnectionDelayMs(attempt: number, { min, max } = RECONNECT_MS): number {
  return Math.min(max, min * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Closes a connection without waiting for pending replies. */
export async function closeRedis(redis: Redis): Promise<void> {
  const isOpen = redis.status === 'ready' || redis.status === 'connect';
  const ended = isOpen ? new Promise(resolve => redis.once('end', resolve)) : undefined;
  redis.disconnect();
  await ended;
}
