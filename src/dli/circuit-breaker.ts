import type { CircuitBreakerPolicy } from 'cockatiel';
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { Clock } from '../lib/time.js';
import type { DliLog } from './dli-error.js';

const FAILURES_TO_OPEN = 5;
const PROBE_INTERVAL_MS = 1_000;
const CONNECT_FAILURES: ReadonlySet<TransportFailure> = new Set([
  'UNREACHABLE',
  'CONNECT_TIMEOUT',
  'TLS',
  'PROXY_REFUSED',
  'PROXY_FAILED',
]);

/**
 * Circuit breaker for connect failures: opens after 5 in a row, and closes when a probe (one per second at most)
 * connects.
 *
 * Refusals, throttling and unknown outcomes do not count: they show that DLI can be reached, and the bad input of one
 * caller must not shut out the others.
 */
export class CircuitBreaker {
  readonly #policy: CircuitBreakerPolicy;
  #probeAtMs = 0;
  #openedAtMs: number | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly log: DliLog,
  ) {
    this.#policy = circuitBreaker(
      handleWhen(error => this.#isFailure(error)),
      {
        breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
        // cockatiel uses the wall clock, which may be set back, so the pause is measured here instead.
        halfOpenAfter: Number.NEGATIVE_INFINITY,
      },
    );
    this.#policy.onBreak(reason => this.#opened('error' in reason ? reason.error : undefined));
    this.#policy.onReset(() => this.#closed());
  }

  /** Whether the breaker has opened and not closed since; also true while a probe may be sent. */
  get isTripped(): boolean {
    return this.#openedAtMs !== undefined;
  }

  /** Whether a call would fail at once. */
  isOpen(): boolean {
    const { state } = this.#policy;
    if (state === CircuitState.Closed) return false;
    return state === CircuitState.HalfOpen || this.clock.monotonicMs() < this.#probeAtMs;
  }

  /**
   * Runs the call unless the breaker is open.
   *
   * @param call must call the function it receives, if any, once it is connected
   * @throws {TransportError} BREAKER_OPEN without a call, or the error of the call
   */
  async run<T>(call: (onSending?: () => void) => Promise<T>): Promise<T> {
    if (this.#policy.state === CircuitState.Closed) return this.#policy.execute(() => call());
    if (this.isOpen()) throw new TransportError('BREAKER_OPEN', false);
    return this.#probe(call);
  }

  // A probe succeeds as soon as it is connected: the response may take a long time.
  async #probe<T>(call: (onSending: () => void) => Promise<T>): Promise<T> {
    let onSending = () => {};
    const connected = new Promise<void>(resolve => {
      onSending = resolve;
    });
    const response = call(onSending);
    await this.#policy.execute(() => Promise.race([connected, response]));
    return response;
  }

  #isFailure(error: unknown): boolean {
    if (!(error instanceof TransportError) || error.mayHaveBeenSent) return false;
    // A probe that was not sent has proven nothing, regardless of the failure.
    return CONNECT_FAILURES.has(error.failure) || this.#policy.state === CircuitState.HalfOpen;
  }

  #opened(error: unknown): void {
    const nowMs = this.clock.monotonicMs();
    this.#probeAtMs = nowMs + PROBE_INTERVAL_MS;
    if (this.#openedAtMs !== undefined) return;
    this.#openedAtMs = nowMs;
    const { failure: detail, causeCode } = error instanceof TransportError ? error : {};
    this.log.warn(
      { operation: 'createConnection', outcome: 'BREAKER_OPENED', detail, causeCode },
      'circuit breaker opened',
    );
  }

  #closed(): void {
    const durationMs = Math.round(this.clock.monotonicMs() - (this.#openedAtMs ?? 0));
    this.#openedAtMs = undefined;
    this.log.warn({ operation: 'createConnection', outcome: 'BREAKER_CLOSED', durationMs }, 'circuit breaker closed');
  }
}
