import type { Clock, Deadline } from '../lib/time.js';
import type { CredentialsSource, CredentialUse, CredentialVerdict } from './authenticator.js';
import { AuthenticationError } from './authenticator.js';
import type { LockoutGuard } from './lockout-guard.js';

// API Gateway refuses a credential before anything else, so what takes longer is being worked on.
const OPEN_AFTER_MS = 1_000;
const MAX_WAITING = 500;

/** The right to use the credential for one request. */
export interface Permit {
  /** Whether the credential was unproven when the pass was given. */
  isProbe: boolean;
  /** Counts refusals: a pass given before the last one proves nothing any more. */
  generation: number;
}

interface Waiter {
  resolve(pass: Permit): void;
  reject(error: AuthenticationError): void;
  timer: NodeJS.Timeout;
}

/**
 * Lets everybody use a credential that is known to work, and one request at a time one that is not.
 *
 * While the credential is unproven one request goes alone, and the others wait for what comes of it, for at most a
 * second in all: a DLI that is slow, or answers without a proof, must not hold them up. After a refusal there is one
 * at a time only.
 */
export class CredentialProbe {
  readonly #guard: LockoutGuard;
  readonly #clock: Clock;
  readonly #proofLifeMs: number;
  /** In the order of their coming. */
  readonly #waiting = new Set<Waiter>();
  #proven: Permit = { isProbe: false, generation: 0 };
  #provenUntilMs = Number.NEGATIVE_INFINITY;
  #trials = 0;
  /** When the first of the trials began that have followed each other since. */
  #tryingSinceMs = Number.NEGATIVE_INFINITY;
  #opening: NodeJS.Timeout | undefined;

  /** @param proofLifeMs how long a success counts as proof */
  constructor(guard: LockoutGuard, clock: Clock, proofLifeMs = Number.POSITIVE_INFINITY) {
    this.#guard = guard;
    this.#clock = clock;
    this.#proofLifeMs = proofLifeMs;
  }

  /**
   * A pass, which must be handed back with {@link leave}: at once for a proven credential.
   *
   * @throws {AuthenticationError} CREDENTIAL_REFUSED while the credential is put aside, PROBE_TIMEOUT when it is not
   * proven before the deadline or too many wait already
   */
  enter(deadline: Deadline): Permit | Promise<Permit> {
    if (this.#clock.monotonicMs() < this.#provenUntilMs) return this.#proven;
    this.#guard.check();
    if (this.#waiting.size === 0 && this.#mayTry()) {
      if (this.#trials === 0) this.#tryingSinceMs = this.#clock.monotonicMs();
      return this.#startTrial();
    }
    if (this.#waiting.size >= MAX_WAITING) throw noTurn();
    return this.#wait(deadline);
  }

  /** Hands a pass back, with what its request showed. */
  leave(pass: Permit, verdict: CredentialVerdict): void {
    if (pass.isProbe) this.#trials -= 1;
    if (verdict === 'ACCEPTED' && pass.generation === this.#proven.generation) {
      this.#guard.accepted();
      this.prove();
    } else if (verdict === 'REFUSED') {
      this.#proven = { isProbe: false, generation: this.#proven.generation + 1 };
      this.#provenUntilMs = Number.NEGATIVE_INFINITY;
    }
    if (this.#waiting.size > 0) this.#admit();
  }

  /** Sends away everybody who waits, because the credential is not to be used any more. */
  dismiss(): void {
    for (const { timer, reject } of this.#waiting) {
      clearTimeout(timer);
      reject(noTurn());
    }
    this.#waiting.clear();
  }

  /** Takes the credential for proven from now on. */
  prove(): void {
    this.#provenUntilMs = this.#clock.monotonicMs() + this.#proofLifeMs;
  }

  #mayTry(): boolean {
    if (this.#trials === 0) return true;
    if (this.#guard.isDoubtful()) return false;
    return this.#clock.monotonicMs() - this.#tryingSinceMs >= OPEN_AFTER_MS;
  }

  #startTrial(): Permit {
    this.#trials += 1;
    return { isProbe: true, generation: this.#proven.generation };
  }

  #wait(deadline: Deadline): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(noTurn());
      }, deadline.remainingMs());
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiting.add(waiter);
      this.#armOpening();
    });
  }

  #admit(): void {
    const isProven = this.#clock.monotonicMs() < this.#provenUntilMs;
    for (const waiter of this.#waiting) {
      const restMs = isProven ? 0 : this.#guard.restMs();
      if (!isProven && restMs === 0 && !this.#mayTry()) break;
      this.#waiting.delete(waiter);
      clearTimeout(waiter.timer);
      if (isProven) waiter.resolve(this.#proven);
      else if (restMs === 0) waiter.resolve(this.#startTrial());
      else waiter.reject(this.#guard.stopError());
    }
    this.#armOpening();
  }

  #armOpening(): void {
    // After a refusal each goes when the one before has ended.
    if (this.#waiting.size === 0 || this.#opening !== undefined || this.#guard.isDoubtful()) return;
    const openAtMs = this.#tryingSinceMs + OPEN_AFTER_MS;
    this.#opening = setTimeout(
      () => {
        this.#opening = undefined;
        this.#admit();
      },
      Math.max(0, openAtMs - this.#clock.monotonicMs()) + 1,
    );
  }
}

function noTurn(): AuthenticationError {
  return new AuthenticationError('PROBE_TIMEOUT', 'No answer showed in time whether the credential works.');
}

/** What is kept about one credential; nothing of it says anything about the next one. */
interface Kept {
  gate: CredentialProbe;
}

/** The credential that is used now, with what is known about it, begun anew whenever it is replaced. */
export class CurrentCredential<T, K extends Kept> {
  #kept: K;

  /**
   * @param keep begins with a credential of which nothing is known yet
   * @param onReplaced called after another credential has taken the place
   */
  constructor(source: CredentialsSource<T>, keep: (credential: T) => K, onReplaced: () => void) {
    this.#kept = keep(source.current);
    source.onReplace(next => {
      const { gate } = this.#kept;
      this.#kept = keep(next);
      onReplaced();
      gate.dismiss();
    });
  }

  /** What is kept about it now. */
  get kept(): K {
    return this.#kept;
  }

  /** One use of the credential, begun anew with the next one for those who still waited when it was replaced. */
  async use(take: (kept: K) => Promise<CredentialUse>): Promise<CredentialUse> {
    for (;;) {
      const kept = this.#kept;
      try {
        const use = await take(kept);
        if (kept === this.#kept) return use;
        use.settle('UNPROVEN');
      } catch (error) {
        if (kept === this.#kept) throw error;
      }
    }
  }
}
