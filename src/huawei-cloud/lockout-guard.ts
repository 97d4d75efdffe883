import type { Clock } from '../lib/time.js';
import type { SuspensionListener } from './authenticator.js';
import { AuthenticationError } from './authenticator.js';

// Huawei Cloud locks an access key for 5 minutes after more than 5 failures in a row.
const MAX_REFUSALS_IN_A_ROW = 2;
const STOP_MS = 60_000;

/**
 * Counts how often a credential is refused and puts it aside before Huawei Cloud locks it: for 60 s after two
 * refusals in a row, and for as long as the window of refusals is full.
 */
export class LockoutGuard {
  /** Called once when the credential is put aside, not for later refusals of requests that were under way. */
  onStop: SuspensionListener = () => undefined;
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

/** Refusals that are allowed within the window. */
const MAX_REFUSALS = 3;
const WINDOW_MS = 5 * 60_000;

/**
 * The refusals of the last 5 minutes that Huawei Cloud may add up, of one credential or of several that stand for
 * one user; each credential's are forgotten when it is accepted. Full at three.
 */
export class RefusalWindow {
  readonly #clock: Clock;
  #refusals: { atMs: number; credential: object }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many there were. */
  count(): number {
    if (this.#refusals.length === 0) return 0;
    const startMs = this.#clock.monotonicMs() - WINDOW_MS;
    this.#refusals = this.#refusals.filter(({ atMs }) => atMs > startMs);
    return this.#refusals.length;
  }

  /** Milliseconds until another refusal fits in; 0 when it does now. */
  fullForMs(): number {
    if (this.count() < MAX_REFUSALS) return 0;
    // Requests that were under way may be refused beyond the limit; the latest ones decide.
    const firstAtMs = this.#refusals.at(-MAX_REFUSALS)?.atMs ?? 0;
    return Math.max(0, firstAtMs + WINDOW_MS - this.#clock.monotonicMs());
  }

  /** Forgets those of one credential: Huawei Cloud counts refusals in a row. */
  clear(credential: object): void {
    this.#refusals = this.#refusals.filter(refusal => refusal.credential !== credential);
  }

  /** Adds one that happened now. */
  add(credential: object): void {
    this.#refusals = [...this.#refusals, { atMs: this.#clock.monotonicMs(), credential }];
  }
}
