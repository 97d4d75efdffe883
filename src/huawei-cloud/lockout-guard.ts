import type { Clock } from '../lib/time.js';
import type { SuspensionListener } from './authenticator.js';
import { AuthenticationError } from './authenticator.js';

// Huawei Cloud locks an access key for 5 minutes after more than 5 consecutive failures, see docs/sources.md.
const MAX_REFUSALS_IN_A_ROW = 2;
const SUSPENSION_MS = 60_000;

/**
 * Suspends a credential before Huawei Cloud locks it: for 60 s after two consecutive refusals, and while the window
 * of refusals is full.
 */
export class LockoutGuard {
  #refusalsInARow = 0;
  #suspendedUntilMs = Number.NEGATIVE_INFINITY;

  /**
   * @param window shared by all guards whose refusals Huawei Cloud may count together
   * @param onSuspended called once per suspension; refusals of requests already in flight do not call it again
   */
  constructor(
    private readonly clock: Clock,
    private readonly window: RefusalWindow,
    private readonly onSuspended: SuspensionListener,
  ) {}

  /** Milliseconds until the credential may be used again; 0 if it may be used now. */
  suspendedForMs(): number {
    const suspensionMs = Math.max(0, this.#suspendedUntilMs - this.clock.monotonicMs());
    return Math.max(suspensionMs, this.window.fullForMs());
  }

  /** Whether the credential was refused the last time it was presented. */
  wasRefusedLast(): boolean {
    return this.#refusalsInARow > 0;
  }

  /** Whether the credential was refused repeatedly and not accepted since. */
  isRefusedRepeatedly(): boolean {
    return this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW || this.window.fullForMs() > 0;
  }

  /** Whether the credential was refused in the last 5 minutes and not accepted since. */
  wasRefusedRecently(): boolean {
    return this.#refusalsInARow > 0 || this.window.count() > 0;
  }

  /** @throws {AuthenticationError} CREDENTIAL_REFUSED while the credential is suspended */
  check(): void {
    if (this.suspendedForMs() > 0) throw this.suspendedError();
  }

  /** The error for requests that need the credential while it is suspended. */
  suspendedError(): AuthenticationError {
    return this.#error('Huawei Cloud refused the credential repeatedly; it is not used for a while.');
  }

  /** Records a refusal. */
  recordRefusal(): void {
    const wasSuspended = this.suspendedForMs() > 0;
    this.window.add(this);
    this.#refusalsInARow += 1;
    if (this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW) {
      this.#suspendedUntilMs = this.clock.monotonicMs() + SUSPENSION_MS;
    }
    const suspendedForMs = this.suspendedForMs();
    if (suspendedForMs > 0 && !wasSuspended) this.onSuspended(toSeconds(suspendedForMs));
  }

  /** Records that DLI accepted the credential. Does not end a suspension. */
  recordSuccess(): void {
    this.#refusalsInARow = 0;
    this.window.clear(this);
  }

  /**
   * Runs a request that presents the credential to IAM, and records its result.
   *
   * @throws {AuthenticationError} immediately while the credential is suspended
   */
  async run<T>(request: () => Promise<T>): Promise<T> {
    this.check();
    try {
      const value = await request();
      // A success at IAM does not clear the window, which also holds refusals by DLI.
      this.#refusalsInARow = 0;
      return value;
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.failure !== 'CREDENTIAL_REFUSED') throw error;
      this.recordRefusal();
      throw this.#error(error.message, error.isSignatureExpired);
    }
  }

  #error(message: string, isSignatureExpired = false): AuthenticationError {
    const seconds = toSeconds(this.suspendedForMs());
    return new AuthenticationError('CREDENTIAL_REFUSED', message, seconds, isSignatureExpired);
  }
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

const MAX_REFUSALS = 3;
const WINDOW_MS = 5 * 60_000;

/**
 * Sliding window of the refusals in the last 5 minutes, for one credential or for several of one user. It is full
 * at three. A success clears the refusals of its credential.
 */
export class RefusalWindow {
  #refusals: { atMs: number; credential: object }[] = [];

  constructor(private readonly clock: Clock) {}

  /** Number of refusals in the window. */
  count(): number {
    if (this.#refusals.length === 0) return 0;
    const startMs = this.clock.monotonicMs() - WINDOW_MS;
    this.#refusals = this.#refusals.filter(({ atMs }) => atMs > startMs);
    return this.#refusals.length;
  }

  /**
   * Milliseconds until the window is no longer full; 0 if it is not full now.
   *
   * @param spare how many more refusals fit; 1 lets new credentials be checked after the old ones were refused
   */
  fullForMs(spare = 0): number {
    const max = MAX_REFUSALS + spare;
    if (this.count() < max) return 0;
    // Requests in flight may exceed the limit; the latest refusals decide.
    const firstAtMs = this.#refusals.at(-max)?.atMs ?? 0;
    return Math.max(0, firstAtMs + WINDOW_MS - this.clock.monotonicMs());
  }

  /** Removes the refusals of one credential: Huawei Cloud counts consecutive ones. */
  clear(credential: object): void {
    this.#refusals = this.#refusals.filter(refusal => refusal.credential !== credential);
  }

  /** Adds a refusal at the current time. */
  add(credential: object): void {
    this.#refusals = [...this.#refusals, { atMs: this.clock.monotonicMs(), credential }];
  }
}
