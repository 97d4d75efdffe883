import type { Clock, Deadline, DeadlineTimer } from '../lib/time.js';
import type { Authentication, CredentialUse, CredentialVerdict } from './authenticator.js';
import { AuthenticationError } from './authenticator.js';
import type { LockoutGuard } from './lockout-guard.js';

// API Gateway checks the credential first: a request that is still open after this long has passed the check.
const MAX_PROBE_WAIT_MS = 1_000;
const MAX_WAITING = 500;

/** Permission to use the credential for one request. */
interface Permit {
  /** Whether the credential was unproven when the permit was issued. */
  isProbe: boolean;
  /** Number of refusals so far. A success with a permit of an earlier generation proves nothing. */
  generation: number;
}

interface Waiter {
  resolve(permit: Permit): void;
  reject(error: AuthenticationError): void;
  timer: DeadlineTimer;
}

/**
 * Half-open gate for an unproven credential: one probe request at a time, the others wait for its result.
 *
 * They wait for at most 1 s, so that a slow DLI, or a response that proves nothing, does not block them. After a
 * refusal there is no such limit: probes run strictly one at a time. A proven credential needs no waiting.
 */
export class CredentialProbe {
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>();
  #proven: Permit = { isProbe: false, generation: 0 };
  #provenUntilMs = Number.NEGATIVE_INFINITY;
  #probes = 0;
  /** Start of the first probe of the current run of probes. */
  #probingSinceMs = Number.NEGATIVE_INFINITY;
  #admission: NodeJS.Timeout | undefined;

  /** @param proofLifeMs how long a success counts as proof, in milliseconds; default: forever */
  constructor(
    private readonly guard: LockoutGuard,
    private readonly clock: Clock,
    private readonly proofLifeMs = Number.POSITIVE_INFINITY,
  ) {}

  /**
   * Acquires a permit, immediately if the credential is proven. The permit must be {@link release}d.
   *
   * @throws {AuthenticationError} CREDENTIAL_REFUSED while the credential is suspended; PROBE_TIMEOUT if it is not
   *   proven before the deadline, or if 500 requests are already waiting
   */
  acquire(deadline: Deadline): Permit | Promise<Permit> {
    if (this.clock.monotonicMs() < this.#provenUntilMs) return this.#proven;
    this.guard.check();
    if (this.#waiting.size === 0 && this.#mayProbe()) {
      if (this.#probes === 0) this.#probingSinceMs = this.clock.monotonicMs();
      return this.#startProbe();
    }
    if (this.#waiting.size >= MAX_WAITING) throw probeTimeout();
    return this.#wait(deadline);
  }

  /**
   * One use of an authentication. It returns its permit when its verdict is reported.
   *
   * @param onRefused records the refusal; returns whether a new authentication may succeed
   */
  use({ projectId, headersFor }: Authentication, permit: Permit, onRefused: () => boolean): CredentialUse {
    let isReported = false;
    return {
      projectId,
      headersFor,
      report: verdict => {
        if (isReported) return false;
        isReported = true;
        const mayReauthenticate = verdict === 'REFUSED' && onRefused();
        this.release(permit, verdict);
        return mayReauthenticate;
      },
    };
  }

  /** Returns a permit and records the verdict of its request. */
  release(permit: Permit, verdict: CredentialVerdict): void {
    if (permit.isProbe) this.#probes -= 1;
    if (verdict === 'ACCEPTED' && permit.generation === this.#proven.generation) {
      this.guard.recordSuccess();
      this.markProven();
    } else if (verdict === 'REFUSED') {
      this.#proven = { isProbe: false, generation: this.#proven.generation + 1 };
      this.#provenUntilMs = Number.NEGATIVE_INFINITY;
    }
    if (this.#waiting.size > 0) this.#admit();
  }

  /** Rejects all waiting requests, because the credential is no longer in use. */
  rejectWaiting(): void {
    for (const { timer, reject } of this.#waiting) {
      timer.stop();
      reject(probeTimeout());
    }
    this.#waiting.clear();
  }

  /** Marks the credential as proven for the life of a proof. */
  markProven(): void {
    this.#provenUntilMs = this.clock.monotonicMs() + this.proofLifeMs;
  }

  #mayProbe(): boolean {
    if (this.#probes === 0) return true;
    if (this.guard.wasRefusedRecently()) return false;
    return this.clock.monotonicMs() - this.#probingSinceMs >= MAX_PROBE_WAIT_MS;
  }

  #startProbe(): Permit {
    this.#probes += 1;
    return { isProbe: true, generation: this.#proven.generation };
  }

  #wait(deadline: Deadline): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const timer = deadline.timer(() => {
        this.#waiting.delete(waiter);
        reject(probeTimeout());
      });
      timer.start(Number.POSITIVE_INFINITY);
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiting.add(waiter);
      this.#scheduleAdmission();
    });
  }

  #admit(): void {
    const isProven = this.clock.monotonicMs() < this.#provenUntilMs;
    for (const waiter of this.#waiting) {
      const suspendedForMs = isProven ? 0 : this.guard.suspendedForMs();
      if (!isProven && suspendedForMs === 0 && !this.#mayProbe()) break;
      this.#waiting.delete(waiter);
      waiter.timer.stop();
      if (isProven) waiter.resolve(this.#proven);
      else if (suspendedForMs === 0) waiter.resolve(this.#startProbe());
      else waiter.reject(this.guard.suspendedError());
    }
    this.#scheduleAdmission();
  }

  #scheduleAdmission(): void {
    // After a refusal, probes run one at a time without a time limit.
    if (this.#waiting.size === 0 || this.#admission !== undefined || this.guard.wasRefusedRecently()) return;
    const admitAtMs = this.#probingSinceMs + MAX_PROBE_WAIT_MS;
    this.#admission = setTimeout(
      () => {
        this.#admission = undefined;
        this.#admit();
      },
      Math.max(0, admitAtMs - this.clock.monotonicMs()) + 1,
    );
  }
}

function probeTimeout(): AuthenticationError {
  return new AuthenticationError('PROBE_TIMEOUT', 'No probe proved the credential in time.');
}

/** State of one credential. It is not carried over to its successor. */
interface CredentialState {
  probe: CredentialProbe;
}

/** The credential in use and its state. Rotation replaces both. */
export class CurrentCredential<K extends CredentialState> {
  #state: K;

  constructor(state: K) {
    this.#state = state;
  }

  /** State of the credential in use. */
  get state(): K {
    return this.#state;
  }

  /**
   * Replaces the credential. Requests that wait for the old one continue with the new one.
   *
   * @param onReplaced called before they continue
   */
  replace(next: K, onReplaced: () => void): void {
    const { probe } = this.#state;
    this.#state = next;
    onReplaced();
    probe.rejectWaiting();
  }

  /** Acquires one use of the credential. If it is replaced meanwhile, `acquire` runs again with the new one. */
  async use(acquire: (state: K) => Promise<CredentialUse>): Promise<CredentialUse> {
    for (;;) {
      const state = this.#state;
      try {
        const use = await acquire(state);
        if (state === this.#state) return use;
        use.report('UNPROVEN');
      } catch (error) {
        if (state === this.#state) throw error;
      }
    }
  }
}
