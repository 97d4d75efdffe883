import { randomUUID } from 'node:crypto';
import { RETENTION_MS } from './operation-record.js';
import type { ScriptCall } from './redis-connection.js';
import * as scripts from './redis-scripts.js';
import { KEYS } from './redis-scripts.js';

/** For how long after a loss an unknown id proves nothing: as long as the record of a success would be there. */
const LOST_FOR_MS = RETENTION_MS.SUCCEEDED;
/** What was counted before has expired, so its loss matters to nobody. */
const COUNT_MATTERS_MS = RETENTION_MS.UNKNOWN;
// Longer than it matters, whatever the clocks of Redis and the gateway say.
const COUNT_KEPT_MS = 2 * COUNT_MATTERS_MS;

/**
 * What one gateway knows that Redis has, so that its next script notices when it is gone: the secret, and how many
 * records this gateway has begun or reopened. What is lost together with the gateway that knew of it, the server's own
 * identity shows: the data say which server they were last written on.
 *
 * Each gateway has a count of its own: after a failover, others would soon bring a common one to where it was.
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

  /** Arguments: secret (empty when it was never read), count, and for how long Redis keeps a loss and a count. */
  args(nowMs: number): (string | number)[] {
    const count = nowMs < this.#countedAtMs + COUNT_MATTERS_MS ? this.#count : 0;
    return [this.#secret, count, LOST_FOR_MS, COUNT_KEPT_MS];
  }

  /** Tells Redis what it should have, as soon as it is there again: others may begin before this gateway does. */
  greeting(nowMs: number): ScriptCall | undefined {
    if (this.#secret === '' && this.#count === 0) return undefined;
    return { script: scripts.HANDSHAKE, keys: this.keys, args: [...this.args(nowMs), nowMs] };
  }

  /** Remembers the secret that Redis has. */
  sawSecret(secret: string): void {
    this.#secret = secret;
  }

  /** Remembers how far Redis has counted. */
  sawCount(count: number, nowMs: number): void {
    this.#count = Math.max(this.#count, count);
    this.#countedAtMs = Math.max(this.#countedAtMs, nowMs);
  }
}
