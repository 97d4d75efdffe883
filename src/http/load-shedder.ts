import type { EventEmitter } from 'node:events';
import type { IntervalHistogram } from 'node:perf_hooks';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const SAMPLE_EVERY_MS = 500;
// A burst, or a pause of the machine, makes one sample bad.
const SAMPLES_TO_OVERLOAD = 2;
// With fewer requests at a time it is not they that hold the process up, and to refuse some would not help.
const LEAST_REQUESTS = 50;

// To refuse all would leave the process idle, and let it be flooded again a moment later.
const LEAST_SHARE = 0.05;
const SHARE_BACK = 0.25;

/**
 * Decides which share of the requests the process can accept: all of them, and fewer at every sample at which it
 * does its work late.
 *
 * Only lateness counts: a process that is busy all the time, and on time, is well used.
 */
export class LoadMonitor {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #openRequests = new Set<object>();
  #newRequests = 0;
  #badSamples = 0;
  #acceptedShare = 1;
  /** Shares saved up; one request is accepted for a whole one. */
  #credit = 0;
  #timer: NodeJS.Timeout | undefined;
  #sampledAtMs = performance.now();
  readonly #maxDelayMs: number;

  /** @param maxDelayMs mean event-loop delay above which the process counts as overloaded, in milliseconds */
  constructor(maxDelayMs: number) {
    this.#maxDelayMs = maxDelayMs;
  }

  /** Begins to measure, until {@link close}. */
  start(): void {
    this.#delay.enable();
    this.#sampledAtMs = performance.now();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** Counts a request, and as under way until its response is closed. */
  count(request: object, response: EventEmitter): void {
    this.#newRequests += 1;
    this.#openRequests.add(request);
    response.once('close', () => this.settle(request));
  }

  /** Counts a request that came as a message of a WebSocket, which has no response to wait for. */
  countMessage(): void {
    this.#newRequests += 1;
  }

  /** Counts a request no more as under way, because its response is a stream, which mostly waits. */
  settle(request: object): void {
    this.#openRequests.delete(request);
  }

  /** Whether only a share of the requests is accepted. */
  isOverloaded(): boolean {
    return this.#acceptedShare < 1;
  }

  /** Whether the next request is one of those that are accepted. */
  accepts(): boolean {
    if (this.#acceptedShare === 1) return true;
    this.#credit += this.#acceptedShare;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  #sample(): void {
    const nowMs = performance.now();
    // Without a single measurement in between the process did not come round in all that time.
    const meanMs = this.#delay.count === 0 ? nowMs - this.#sampledAtMs : this.#delay.mean / 1e6;
    this.#sampledAtMs = nowMs;
    const isLate = meanMs - RESOLUTION_MS > this.#maxDelayMs;
    const isAskedMuch = this.#openRequests.size + this.#newRequests >= LEAST_REQUESTS;
    this.#badSamples = isLate && isAskedMuch ? this.#badSamples + 1 : 0;
    if (this.#badSamples >= SAMPLES_TO_OVERLOAD) {
      this.#acceptedShare = Math.max(LEAST_SHARE, this.#acceptedShare / 2);
    } else if (this.#badSamples === 0) {
      this.#acceptedShare = Math.min(1, this.#acceptedShare + SHARE_BACK);
    }
    this.#newRequests = 0;
    this.#delay.reset();
  }
}
