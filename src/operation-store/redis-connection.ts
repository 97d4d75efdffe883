import type { Redis } from 'ioredis';
import { codeOf } from '../lib/logger.js';
import type { RedisClients } from '../lib/redis-client.js';
import { closeRedis, explainRefusal, explainSentinelError, isReplyError } from '../lib/redis-client.js';
import { StoreConfigError, StoreUnavailableError } from './operation-store.js';
import { KEYS } from './redis-scripts.js';
import { findServerProblem } from './redis-server-check.js';

const CONNECT_TIMEOUT_MS = 2_000;
const CHECK_TIMEOUT_MS = 1_000;
const RECHECK_MS = 10_000;
const RECONNECT_MS = { min: 20, max: 2_000 };

/** Refusals of a cluster, before anything of the script is executed. */
const IS_ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/** One atomic step: a script, the keys that it uses and its arguments. */
export interface ScriptCall {
  script: string;
  keys: readonly string[];
  args?: readonly (string | number)[];
}

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
  #lastReported: string | undefined;
  #attempts = 0;
  #changeWaiters: (() => void)[] = [];
  #recheck: NodeJS.Timeout | undefined;

  private constructor(
    clients: RedisClients,
    private readonly report: (problem: string) => void,
    private readonly handshake: () => ScriptCall | undefined,
  ) {
    this.#clients = clients;
    this.#client = clients.create(KEYS.secret, {
      // ioredis resets its own count when a server accepts a connection, even if the server closes it at once.
      retryStrategy: () => {
        const waitMs = Math.min(RECONNECT_MS.max, RECONNECT_MS.min * 2 ** Math.min(this.#attempts++, 10));
        return waitMs * (0.5 + Math.random() / 2);
      },
      // The check of the server is the first command; while Redis is loading, commands fail anyway.
      enableReadyCheck: false,
    });
    this.#client.on('ready', () => void this.#check());
    this.#client.on('close', () => {
      this.#isReconnecting = false;
      this.#change(false);
    });
    this.#client.on('error', error => {
      if (isReplyError(error)) return;
      const problem = explainSentinelError(error);
      this.#reportOnce(problem ?? `there is no connection to Redis (${codeOf(error) ?? 'it ended'}).`);
    });
  }

  /**
   * Connects. While the server cannot be reached, the connection is retried in the background.
   *
   * @param report receives each problem once, for operators, without addresses or secrets
   * @param handshake the first script of every connection, if any
   * @throws {StoreConfigError} when the server answers and must not be used
   */
  static async open(
    clients: RedisClients,
    report: (problem: string) => void,
    handshake: () => ScriptCall | undefined,
  ): Promise<RedisConnection> {
    const connection = new RedisConnection(clients, report, handshake);
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
      const reply = await within(limitMs, this.#client.eval(script, keys.length, ...keys, ...args));
      this.#lastReported = undefined;
      return reply;
    } catch (error) {
      if (error instanceof TimeoutError) this.#reconnect();
      if (!isReplyError(error)) throw new StoreUnavailableError();
      this.#explain(error, script);
      throw new StoreUnavailableError({ mayHaveWritten: !IS_ELSEWHERE.test(error.message) });
    }
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    clearTimeout(this.#recheck);
    await closeRedis(this.#client);
    this.#change(false);
  }

  #explain(error: Error, script: string): void {
    const refusal = this.#clients.hasMoved(error) ? undefined : explainRefusal(error, script);
    // Not until the refusal is gone, so that the gateway does not count as ready meanwhile.
    if (refusal === undefined) this.#reportOnce(problemOf(error));
    else this.#refuse(refusal);
  }

  #refuse(refusal: string): void {
    this.#refusal = refusal;
    this.#reportOnce(refusal);
    this.#change(false);
    clearTimeout(this.#recheck);
    this.#recheck = setTimeout(() => void this.#check(), RECHECK_MS).unref();
  }

  // Checked again for every connection: after a failover it is another server.
  async #check(): Promise<void> {
    clearTimeout(this.#recheck);
    try {
      this.#refusal = await within(CHECK_TIMEOUT_MS, findServerProblem(this.#client, this.#clients));
    } catch (error) {
      this.#reconnect(isReplyError(error) ? problemOf(error) : undefined);
      return;
    }
    if (this.#refusal === undefined) {
      this.#change(this.#client.status === 'ready');
      const call = this.handshake();
      // Waiting commands continue after this turn of the event loop. If the handshake fails, the next script checks.
      const done = call === undefined ? Promise.resolve() : this.run(call, CHECK_TIMEOUT_MS);
      const isAccepted = await done.then(
        () => true,
        () => false,
      );
      // A replica refuses the write of the handshake, so connections to it must back off.
      if (isAccepted) this.#attempts = 0;
      return;
    }
    this.#refuse(this.#refusal);
  }

  // Replies are matched to commands by order, so a connection with a missing reply cannot be used any more. A machine
  // that is gone does not close its connections.
  #reconnect(problem = 'Redis does not answer in time.'): void {
    if (this.#client.status !== 'ready' || this.#isReconnecting) return;
    this.#isReconnecting = true;
    this.#reportOnce(problem);
    this.#change(false);
    this.#client.disconnect(true);
  }

  #reportOnce(problem: string): void {
    if (this.#lastReported === problem) return;
    this.#lastReported = problem;
    this.report(`REDIS_URL: ${problem}`);
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

function problemOf({ message }: Error): string {
  const [code] = /\b[A-Z]{3,}\b/.exec(message) ?? ['ERR'];
  return `Redis refuses commands of the gateway (${code}).`;
}

class TimeoutError extends Error {}

function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // After a stall of this process the timer fires before a response that has arrived is read.
    const timer = setTimeout(() => setImmediate(() => reject(new TimeoutError())), Math.max(0, limitMs));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
