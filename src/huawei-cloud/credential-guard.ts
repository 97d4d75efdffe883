import type { Clock } from '../lib/time.js';
import { AuthenticationError } from './authentication.js';
import type { RefusalWindow } from './refusal-window.js';

// Huawei Cloud locks an access key for 5 minutes after more than 5 failures in a row.
const MAX_REFUSALS_IN_A_ROW = 2;
const STOP_MS = 60_000;

/** Told how many seconds a credential is put aside. */
export type StopListener = (restSeconds: number) => void;

/**
 * Counts how often a credential is refused and puts it aside before Huawei Cloud locks it: for 60 s after two
 * refusals in a row, and for as long as the window of refusals is full.
 */
export class CredentialGuard {
  /** Called once when the credential is put aside, not for later refusals of requests that were under way. */
  onStop: StopListener = () => undefined;
  readonly #clock: Clock;
  readonly #window: RefusalWindow;
  #refusalsInARow = 0;
  #stoppedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param window shared by all guards whose refusals Huawei Cloud may add up */
  constructor(clock: Clock, window: RefusalWindow) {
    this.#clock = clock;
    this.#window = window;
  }

  /** Milliseconds for which the credential must not be used; 0 when it may be. */
  restMs(): number {
    const stopMs = Math.max(0, this.#stoppedUntilMs - this.#clock.monotonicMs());
    return Math.max(stopMs, this.#window.fullForMs());
  }

  /** Whether it was refused within the last minutes. */
  isDoubtful(): boolean {
    return this.#refusalsInARow > 0 || this.#window.count() > 0;
  }

  /** @throws {AuthenticationError} CREDENTIAL_REFUSED while the credential is put aside */
  check(): void {
    if (this.restMs() > 0) throw this.stopError();
  }

  /** The error for those who want the credential while it is put aside. */
  stopError(): AuthenticationError {
    return this.#error('Huawei Cloud refused the credential repeatedly; it is not used for a while.');
  }

  /** Takes note of a refusal. */
  refused(): void {
    const wasStopped = this.restMs() > 0;
    this.#window.add(this);
    this.#refusalsInARow += 1;
    if (this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW) {
      this.#stoppedUntilMs = this.#clock.monotonicMs() + STOP_MS;
    }
    const restMs = this.restMs();
    if (restMs > 0 && !wasStopped) this.onStop(toSeconds(restMs));
  }

  /** Takes note that DLI accepted the credential. A stop that is under way stays. */
  accepted(): void {
    this.#refusalsInARow = 0;
    this.#window.clear(this);
  }

  /**
   * Runs a request that shows the credential to IAM, and counts what comes of it.
   *
   * @throws {AuthenticationError} at once while the credential is put aside
   */
  async watch<T>(request: () => Promise<T>): Promise<T> {
    this.check();
    try {
      const value = await request();
      // IAM's yes says nothing about DLI, whose refusals fill the window too.
      this.#refusalsInARow = 0;
      return value;
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.failure !== 'CREDENTIAL_REFUSED') throw error;
      this.refused();
      throw this.#error(error.message);
    }
  }

  #error(message: string): AuthenticationError {
    return new AuthenticationError('CREDENTIAL_REFUSED', message, toSeconds(this.restMs()));
  }
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
