import type { Redis } from 'ioredis';
import { codeOf } from '../lib/logger.js';
import type { RedisClients } from '../lib/redis-client.js';
import { closeRedis, reconnectionDelayMs } from '../lib/redis-client.js';
import { explainRefusal, explainSentinelError, isReplyError } from '../lib/redis-errors.js';
import { StoreConfigError, StoreUnavailableError } from './operation-store.js';
import { KEYS } from './redis-scripts.js';
import { findServerProblem } from './redis-server-check.js';
import type { StoreHealth, StoreProblem } from './store-health.js';

const CONNECT_TIMEOUT_MS = 2_000;
const CHECK_TIMEOUT_MS = 1_000;
const RECHECK_MS = 1_000;
// At least once a second, so that the gateway is ready again without calls.
const RECONNECT_MS = { min: 20, max: 1_000 };

/** Refusals of a cluster, before anything of the script is executed. */
const IS_ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

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
  readonly #clients: RedisClients;
  readonly #client: Redis;
  #isUsable = false;
  #isReconnecting = false;
  /** Why the server must not be used. */
  #refusal: string | undefined;
  #isClosed = false;
  /** How often Redis has turned out to be unavailable. */
  #failures = 0;
  #attempts = 0;
  #changeWaiters: (() => void)[] = [];
  #recheck: NodeJS.Timeout | undefined;

  private constructor(
    clients: RedisClients,
    private readonly health: StoreHealth,
    private readonly handshake: Handshake,
  ) {
    this.#clients = clients;
    this.#client = clients.create(KEYS.secret, {
      // ioredis resets its own count when a server accepts a connection, even if the server closes it at once.
      retryStrategy: () => reconnectionDelayMs(this.#attempts++, RECONNECT_MS),
      // The check of the server is the first command; while Redis is loading, commands fail anyway.
      enableReadyCheck: false,
      // The connection ends to be reopened elsewhere, which is not an outage.
      reconnectOnError: error => {
        const hasMoved = clients.hasMoved(error);
        this.#isReconnecting ||= hasMoved;
        return hasMoved;
      },
    });
    this.#client.on('ready', () => void this.#check());
    this.#client.on('close', () => {
      // After a refused password the connection ends too, but the refusal is the reason.
      if (!this.#isReconnecting && this.#refusal === undefined)
        this.#markUnavailable('unreachable', 'there is no connection to Redis (it ended).');
      this.#isReconnecting = false;
      this.#change(false);
    });
    this.#client.on('error', error => {
      if (isReplyError(error)) return;
      const problem = explainSentinelError(error);
      if (problem !== undefined) this.#markUnavailable('misconfigured', problem);
      else this.#markUnavailable('unreachable', `there is no connection to Redis (${codeOf(error) ?? 'it ended'}).`);
    });
  }

  /**
   * Connects. While the server cannot be reached, the connection is retried in the background.
   *
   * @param health notified when Redis cannot be used, and when it can again
   * @param handshake runs the first scripts of every connection; rejects unless the server takes writes
   * @throws {StoreConfigError} when the server answers and must not be used
   */
  static async open(clients: RedisClients, health: StoreHealth, handshake: Handshake): Promise<RedisConnection> {
    const connection = new RedisConnection(clients, health, handshake);
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
  async run(call: ScriptCall, limitMs: number): Promise<unknown> {
    try {
      return await this.#send(call, limitMs);
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error;
      if (error instanceof TimeoutError) this.#reconnect();
      if (!isReplyError(error)) throw new StoreUnavailableError();
      this.#markRefused(error, call.script);
      this.#checkLater();
      throw new StoreUnavailableError({ mayHaveWritten: !IS_ELSEWHERE.test(error.message) });
    }
  }

  /**
   * Like {@link run}, for a read on which no create depends: its failure says nothing about the connection.
   *
   * @throws {StoreUnavailableError} when it fails or takes longer
   */
  async runBestEffort(call: ScriptCall, limitMs: number): Promise<unknown> {
    try {
      return await this.#send(call, limitMs);
    } catch {
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

  async #send({ script, keys, args = [] }: ScriptCall, limitMs: number): Promise<unknown> {
    if (!this.#isUsable || limitMs <= 0) throw new StoreUnavailableError({ mayHaveWritten: false });
    return within(limitMs, this.#client.eval(script, keys.length, ...keys, ...args));
  }

  // Checked again for every connection: after a failover it is another server.
  async #check(): Promise<void> {
    clearTimeout(this.#recheck);
    this.#recheck = undefined;
    try {
      this.#refusal = await within(CHECK_TIMEOUT_MS, findServerProblem(this.#client, this.#clients));
    } catch (error) {
      if (!isReplyError(error)) this.#reconnect();
      else if (this.#clients.hasMoved(error)) this.#markRefused(error);
      else this.#reconnect(`Redis cannot execute commands now (${codeIn(error)}).`);
      return;
    }
    if (this.#refusal !== undefined) {
      this.#markUnavailable('misconfigured', this.#refusal);
      this.#change(false);
      this.#checkLater();
      return;
    }
    this.#change(this.#client.status === 'ready');
    const failuresBefore = this.#failures;
    try {
      // Waiting commands continue after this turn of the event loop. If the handshake fails, the next script checks.
      await this.handshake(call => this.run(call, CHECK_TIMEOUT_MS));
    } catch (error) {
      // An outage has been reported, and will be checked again.
      if (error instanceof StoreUnavailableError) return;
      this.health.recordBug(error);
      this.#checkLater();
      return;
    }
    // Not earlier: a replica refuses the handshake, so that connections to it must back off.
    this.#attempts = 0;
    // A command that was sent meanwhile may have been refused.
    if (this.#failures === failuresBefore) this.health.markAvailable();
  }

  #checkLater(): void {
    if (!this.#isClosed) this.#recheck ??= setTimeout(() => void this.#check(), RECHECK_MS).unref();
  }

  // Replies are matched to commands by order, so a connection with a missing reply cannot be used any more. A machine
  // that is gone does not close its connections.
  #reconnect(reason = 'Redis does not answer in time.'): void {
    if (this.#client.status !== 'ready' || this.#isReconnecting) return;
    this.#isReconnecting = true;
    this.#markUnavailable('noReply', reason);
    this.#change(false);
    this.#client.disconnect(true);
  }

  #markRefused(error: Error, script?: string): void {
    const refusal = this.#clients.hasMoved(error) ? undefined : explainRefusal(error, script);
    this.#markUnavailable('refused', refusal ?? `Redis refuses commands of the gateway (${codeIn(error)}).`);
  }

  #markUnavailable(problem: StoreProblem, sentence: string): void {
    this.#failures += 1;
    if (!this.#isClosed) this.health.markUnavailable(problem, `REDIS_URL: ${sentence}`);
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

/** The first word in capitals of a reply, such as `LOADING`. */
function codeIn({ message }: Error): string {
  return /\b[A-Z]{3,}\b/.exec(message)?.[0] ?? 'ERR';
}

class TimeoutError extends Error {}

function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // After a stall of this process the timer fires before a response that has arrived is read.
    const timer = setTimeout(() => setImmediate(() => reject(new TimeoutError())), Math.max(0, limitMs));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
