import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { networkOf } from '../lib/ip-address.js';
import type { Clock } from '../lib/time.js';

const VERIFICATIONS_PER_SECOND = 200;
const MAX_WAIT_MS = 2_000;
const MAX_NETWORKS = 10_000;

/** Too many verifications wait for an address. The token was not verified, and may be good. */
export class VerificationQueueFullError extends Error {
  override readonly name = 'VerificationQueueFullError';

  constructor(readonly retryAfterSeconds: number) {
    super('not verified');
  }
}

/**
 * Spaces out the signature checks of an address that sends too many bad tokens. Its good tokens get in after a short
 * wait, and its bad ones cannot take more than a small share of the processor. Addresses do not delay each other.
 */
export class VerificationQueue {
  /** When the next verification may start, by network. */
  readonly #freeAtMs = new LRUCache<string, number>({ max: MAX_NETWORKS });
  readonly #intervalMs: number;

  /** @param perSecond verifications per address; 200 by default */
  constructor(
    private readonly clock: Clock,
    perSecond = VERIFICATIONS_PER_SECOND,
  ) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /**
   * Waits for a turn.
   *
   * @throws {VerificationQueueFullError} when it would take more than 2 s
   */
  async enter(address: string): Promise<void> {
    const network = networkOf(address);
    const nowMs = this.clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#freeAtMs.get(network) ?? 0);
    if (startMs - nowMs > MAX_WAIT_MS) throw new VerificationQueueFullError(Math.ceil((startMs - nowMs) / 1_000));
    this.#freeAtMs.set(network, startMs + this.#intervalMs);
    if (startMs > nowMs) await delay(startMs - nowMs);
  }
}
