import type { EventEmitter } from 'node:events';
import type { IntervalHistogram } from 'node:perf_hooks';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../metrics/metrics.js';

const RESOLUTION_MS = 20;
const SAMPLE_INTERVAL_MS = 500;
// A burst, or a pause of the machine, can spoil a single sample.
const SAMPLES_TO_OVERLOAD = 2;
// Below this number of requests something else blocks the event loop, and shedding would not help.
const MIN_REQUESTS = 50;
// Rejecting everything would leave the process idle, and flooded again a moment later.
const MIN_ADMIT_RATIO = 0.05;
const RECOVERY_STEP = 0.25;

/**
 * Load shedding by event-loop delay: halves the ratio of admitted requests at every late sample, and raises it again
 * by a quarter at every good one.
 *
 * CPU usage does not matter: a process that is busy but on time is well used.
 */
export class LoadShedder {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #openRequests = new Set<object>();
  #newRequests = 0;
  #lateSamples = 0;
  #admitRatio = 1;
  /** Sum of the ratios since the last admitted request; a request is admitted for every whole one. */
  #credit = 0;
  #timer: NodeJS.Timeout | undefined;
  #sampledAtMs = performance.now();

  /** @param maxDelayMs mean event-loop delay in milliseconds above which the process is overloaded */
  constructor(
    private readonly maxDelayMs: number,
    metrics: Metrics,
  ) {
    metrics.read('dli_gateway_accepted_share', () => this.#admitRatio);
    metrics.read('http_server_active_requests', () => this.#openRequests.size);
  }

  /** Starts measuring, until {@link close}. */
  start(): void {
    this.#delay.enable();
    this.#sampledAtMs = performance.now();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS).unref();
  }

  /** Stops measuring. */
  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** Counts a request as open until its response is closed. */
  track(request: object, response: EventEmitter): void {
    this.#newRequests += 1;
    this.#openRequests.add(request);
    response.once('close', () => this.#openRequests.delete(request));
  }

  /** Counts a request that arrived as a WebSocket message and has no response of its own. */
  trackMessage(): void {
    this.#newRequests += 1;
  }

  /** Stops counting a request as open, because its response is a stream, which is mostly idle. */
  untrack(request: object): void {
    this.#openRequests.delete(request);
  }

  /** The ratio of requests that are admitted: below 1 while requests are being shed. */
  get admitRatio(): number {
    return this.#admitRatio;
  }

  /** Decides whether to admit the next request. */
  admit(): boolean {
    if (this.#admitRatio === 1) return true;
    this.#credit += this.#admitRatio;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  #sample(): void {
    const nowMs = performance.now();
    // No measurement at all means that the event loop was blocked for the whole interval.
    const meanMs = this.#delay.count === 0 ? nowMs - this.#sampledAtMs : this.#delay.mean / 1e6;
    this.#sampledAtMs = nowMs;
    const isLate = meanMs - RESOLUTION_MS > this.maxDelayMs;
    const isBusy = this.#openRequests.size + this.#newRequests >= MIN_REQUESTS;
    this.#lateSamples = isLate && isBusy ? this.#lateSamples + 1 : 0;
    if (this.#lateSamples >= SAMPLES_TO_OVERLOAD) {
      this.#admitRatio = Math.max(MIN_ADMIT_RATIO, this.#admitRatio / 2);
    } else if (this.#lateSamples === 0) {
      this.#admitRatio = Math.min(1, this.#admitRatio + RECOVERY_STEP);
    }
    this.#newRequests = 0;
    this.#delay.reset();
  }
}
