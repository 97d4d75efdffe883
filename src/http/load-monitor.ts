import type { EventEmitter } from 'node:events';
import type { IntervalHistogram } from 'node:perf_hooks';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const SAMPLE_EVERY_MS = 500;
/** How late work may be on average before the process counts as under pressure. */
const MAX_MEAN_DELAY_MS = 200;
// A burst, or a pause of the machine, makes one sample bad.
const SAMPLES_TO_OVERLOAD = 2;
// With fewer requests under way it is not they that hold the process up, and to refuse some would not help.
const LEAST_OPEN_REQUESTS = 50;

/**
 * Whether the process does its work so late that it must not accept more.
 *
 * Only lateness counts: a process that is busy all the time, and on time, is well used.
 */
export class LoadMonitor {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #openRequests = 0;
  #badSamples = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Begins to measure, until {@link close}. */
  start(): void {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** Counts a request as under way until its response is closed. */
  count(response: EventEmitter): void {
    this.#openRequests += 1;
    response.once('close', () => {
      this.#openRequests -= 1;
    });
  }

  isOverloaded(): boolean {
    return this.#badSamples >= SAMPLES_TO_OVERLOAD && this.#openRequests >= LEAST_OPEN_REQUESTS;
  }

  #sample(): void {
    // Without a single measurement in between the process did not come round at all.
    const meanMs = this.#delay.count === 0 ? Number.POSITIVE_INFINITY : this.#delay.mean / 1e6;
    this.#badSamples = meanMs - RESOLUTION_MS > MAX_MEAN_DELAY_MS ? this.#badSamples + 1 : 0;
    this.#delay.reset();
  }
}
