import type { RedisOptions } from 'ioredis';
import { Redis, ReplyError } from 'ioredis';
import { codeOf } from '../lib/logger.js';
import { closeRedis } from '../lib/redis-client.js';
import { StoreConfigError, StoreUnavailableError } from './operation-store.js';
import type { StoreHealth, StoreProblem } from './store-health.js';

const CONNECT_TIMEOUT_MS = 2_000;
const CHECK_TIMEOUT_MS = 1_000;
const RECHECK_MS = 1_000;
const DISCONNECT_TIMEOUT_MS = 20;
// At least once a second, so that the gateway is ready again without calls.
const RECONNECT_MS = { min: 20, max: 1_000 };

/** One atomic step: a script, the keys that it uses and its arguments. */
export interface ScriptCall {
  script: string;
  keys: readonly string[];
  args?: readonly (string | number)[];
}

type Handshake = (run: (call: ScriptCall) => Promise<unknown>) => Promise<void>;

/**
 * A self-healing connection to Redis with bounded response times. It is usable only while the server is known not to
 * evict keys.
 *
 * Errors of ioredis carry commands with their arguments, so none of them leaves this class.
 */
export class RedisConnection {
  readonly #client: Redis;
  #isUsable = false;
  #isReconnecting = false;
  /** Why the server must not be used. */
  #refusal: string | undefined;
  #isClosed = false;
  #attempts = 0;
  #changeWaiters: (() => void)[] = [];
  #recheck: NodeJS.Timeout | undefined;

  private constructor(
    address: RedisOptions,
    private readonly health: StoreHealth,
    private readonly handshake: Handshake,
  ) {
    this.#client = new Redis({
      ...address,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      // A command that cannot be sent now, or was on its way when the connection broke, is not sent later.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // ioredis resets its own count when a server accepts a connection, even if the server closes it at once.
      retryStrategy: () => {
        const waitMs = Math.min(RECONNECT_MS.max, RECONNECT_MS.min * 2 ** Math.min(this.#attempts++, 10));
        return waitMs * (0.5 + Math.random() / 2);
      },
      // After a failover this server is a replica; its name may lead to the new one.
      reconnectOnError: error => error.message.includes('READONLY'),
      // The check of the server is the first command; while Redis is loading, commands fail anyway.
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    this.#client.on('ready', () => void this.#check());
    this.#client.on('close', () => {
      if (!this.#isReconnecting) this.#lose('unreachable', 'there is no connection to Redis (it ended).');
      this.#isReconnecting = false;
      this.#change(false);
    });
    this.#client.on('error', error => {
      if (isReplyError(error)) return;
      this.#lose('unreachable', `there is no connection to Redis (${codeOf(error) ?? 'it ended'}).`);
    });
  }

  /**
   * Connects. While the server cannot be reached, the connection is retried in the background.
   *
   * @param health is told when Redis cannot be used, and when it can again
   * @param handshake runs the first scripts of every connection; rejects unless the server takes writes
   * @throws {StoreConfigError} when the server answers and must not be used
   */
  static async open(address: RedisOptions, health: StoreHealth, handshake: Handshake): Promise<RedisConnection> {
    const connection = new RedisConnection(address, health, handshake);
    await connection.#nextChange(CONNECT_TIMEOUT_MS);
    if (connection.#refusal === undefined) return connection;
    await connection.close();
    throw new StoreConfigError('REDIS_URL', connection.#refusal);
  }

  /** Whether a command can be sent now. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Waits at most this long until a command can be sent; see {@link isUsable}. */
  async whenUsable(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!this.#isUsable && performance.now() < endMs) await this.#nextChange(endMs - performance.now());
  }

  /** @throws {StoreUnavailableError} when it fails or takes longer; it says whether it may have been executed */
  async run({ script, keys, args = [] }: ScriptCall, limitMs: number): Promise<unknown> {
    if (!this.#isUsable || limitMs <= 0) throw new StoreUnavailableError({ mayHaveWritten: false });
    try {
      return await within(limitMs, this.#client.eval(script, keys.length, ...keys, ...args));
    } catch (error) {
      if (error instanceof TimeoutError) this.#reconnect();
      if (isReplyError(error)) {
        const [code] = /\b[A-Z]{3,}\b/.exec(error.message) ?? ['ERR'];
        this.#lose('refused', `Redis refuses commands of the gateway (${code}).`);
        this.#checkLater();
      }
      throw new StoreUnavailableError();
    }
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#recheck);
    await closeRedis(this.#client);
    this.#change(false);
  }

  // Checked again for every connection: after a failover it is another server.
  async #check(): Promise<void> {
    clearTimeout(this.#recheck);
    this.#recheck = undefined;
    try {
      this.#refusal = await within(CHECK_TIMEOUT_MS, findServerProblem(this.#client));
    } catch {
      this.#reconnect();
      return;
    }
    if (this.#refusal !== undefined) {
      this.#lose('misconfigured', this.#refusal);
      this.#change(false);
      this.#checkLater();
      return;
    }
    this.#change(this.#client.status === 'ready');
    try {
      // Waiting commands continue after this turn of the event loop. If the handshake fails, the next script checks.
      await this.handshake(call => this.run(call, CHECK_TIMEOUT_MS));
    } catch {
      // It has been reported, and will be checked again.
      return;
    }
    // Not earlier: a replica refuses the handshake, so that connections to it must back off.
    this.#attempts = 0;
    this.health.restored();
  }

  #checkLater(): void {
    if (!this.#isClosed) this.#recheck ??= setTimeout(() => void this.#check(), RECHECK_MS).unref();
  }

  // Replies are matched to commands by order, so a connection with a missing reply cannot be used any more. A machine
  // that is gone does not close its connections.
  #reconnect(): void {
    if (this.#client.status !== 'ready' || this.#isReconnecting) return;
    this.#isReconnecting = true;
    this.#lose('noReply', 'Redis does not answer in time.');
    this.#change(false);
    this.#client.disconnect(true);
  }

  #lose(problem: StoreProblem, sentence: string): void {
    if (!this.#isClosed) this.health.lost(problem, `REDIS_URL: ${sentence}`);
  }

  #change(isUsable: boolean): void {
    this.#isUsable = isUsable;
    for (const resolve of this.#changeWaiters.splice(0)) resolve();
  }

  #nextChange(limitMs: number): Promise<void> {
    const changed = new Promise<void>(resolve => this.#changeWaiters.push(resolve));
    return within(limitMs, changed).catch(() => {});
  }
}

class TimeoutError extends Error {}

function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // After a stall of this process the timer fires before a response that has arrived is read.
    const timer = setTimeout(() => setImmediate(() => reject(new TimeoutError())), Math.max(0, limitMs));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

// The server is up but not ready yet.
const TRANSIENT = /LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|max number of clients/;
const REFUSED = /WRONGPASS|NOAUTH|invalid password|invalid username-password/;

/**
 * Why this server must not keep the records: it may evict keys, or refuses the credentials.
 *
 * @returns undefined when it may be used; otherwise a sentence
 * @throws what the connection throws when the server cannot answer now
 */
async function findServerProblem(client: Redis): Promise<string | undefined> {
  try {
    return policyProblem((await readConfig(client)) ?? (await readInfo(client)));
  } catch (error) {
    if (!isReplyError(error) || !REFUSED.test(error.message)) throw error;
    return 'Redis refuses the user name or the password.';
  }
}

function policyProblem(policy: string | undefined): string | undefined {
  if (policy === 'noeviction') return undefined;
  if (policy !== undefined)
    return (
      `maxmemory-policy of this Redis is "${policy}" and must be "noeviction": ` +
      'it could drop the record of a create that is under way, which a repeat would then send again.'
    );
  return (
    'maxmemory-policy of this Redis cannot be read; it must be "noeviction". To confirm it, allow ' +
    'the user of the gateway one of the commands CONFIG GET (ACL: +config|get) and INFO (ACL: +info).'
  );
}

async function readConfig(client: Redis): Promise<string | undefined> {
  const reply = await orForbidden(client.config('GET', 'maxmemory-policy'));
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

// Managed services forbid CONFIG and show the policy here.
async function readInfo(client: Redis): Promise<string | undefined> {
  const reply = await orForbidden(client.info('memory'));
  return /^maxmemory_policy:(\S+)/m.exec(reply ?? '')?.[1];
}

async function orForbidden<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isReplyError(error) && !TRANSIENT.test(error.message) && !REFUSED.test(error.message)) return undefined;
    throw error;
  }
}

/** Whether Redis itself refused the command; otherwise the connection failed. */
function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError && error instanceof Error;
}
