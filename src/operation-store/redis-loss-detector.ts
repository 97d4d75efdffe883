import { randomUUID } from 'node:crypto';
import { RETENTION_MS } from './operation-record.js';
import type { ScriptCall } from './redis-connection.js';
import * as scripts from './redis-scripts.js';
import { KEYS } from './redis-scripts.js';

/** How long after a loss an unknown id proves nothing: the retention of a success. */
const LOST_FOR_MS = RETENTION_MS.SUCCEEDED;
/** How long a count proves anything: records that were counted earlier have expired. */
const COUNT_LIFE_MS = RETENTION_MS.UNKNOWN;
// Longer, so that a difference between the clocks of Redis and the gateway has no effect.
const COUNT_TTL_MS = 2 * COUNT_LIFE_MS;

/**
 * Detects that Redis lost data: every script checks the secret, this gateway's count of begun records and the
 * server's run_id, which reveals a loss even when the gateway that counted the records is gone.
 *
 * Each gateway has its own count, because after a failover the others would soon bring a shared one back to its value.
 */
export class RedisLossDetector {
  readonly #countKey = KEYS.count + randomUUID();
  #secret = '';
  #count = 0;
  #countedAtMs = 0;

  /** Keys: secret, loss, count, server. */
  get keys(): string[] {
    return [KEYS.secret, KEYS.loss, this.#countKey, KEYS.server];
  }

  /** Arguments: secret (empty until it is read), count, and for how long Redis keeps a loss and a count, in ms. */
  args(nowMs: number): (string | number)[] {
    const count = nowMs < this.#countedAtMs + COUNT_LIFE_MS ? this.#count : 0;
    return [this.#secret, count, LOST_FOR_MS, COUNT_TTL_MS];
  }

  /** The check of every new connection, before other gateways begin records. Undefined: nothing can be lost yet. */
  handshake(nowMs: number): ScriptCall | undefined {
    if (this.#secret === '' && this.#count === 0) return undefined;
    return { script: scripts.HANDSHAKE, keys: this.keys, args: [...this.args(nowMs), nowMs] };
  }

  /** Records the secret that Redis has. */
  observeSecret(secret: string): void {
    this.#secret = secret;
  }

  /** Records the count that Redis has. */
  observeCount(count: number, nowMs: number): void {
    this.#count = Math.max(this.#count, count);
    this.#countedAtMs = Math.max(this.#countedAtMs, nowMs);
  }
}
