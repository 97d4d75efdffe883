import { setTimeout as delay } from 'node:timers/promises';
import type { Authenticator, CredentialUse, CredentialVerdict } from '../huawei-cloud/authenticator.js';
import type { Transport, UpstreamResponse } from '../huawei-cloud/transport.js';
import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { Clock, Deadline } from '../lib/time.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { CreateVerdict } from './classify-create.js';
import { classifyCreate } from './classify-create.js';
import type { DliCallRecord, DliLog, OperationContext, UnknownReason } from './dli-error.js';
import { DliError, RETRY_AFTER_AUTH_FAILED_SECONDS } from './dli-error.js';
import { RetryBudget } from './retry-budget.js';
import { acquireCredential } from './safe-request.js';
import { requestIdOf, retryAfterSeconds } from './sanitize.js';

const MAX_RESPONSE_BYTES = 1024 * 1024;
const RETRY_AFTER_UNREACHABLE_SECONDS = 5;
/** Shorter waits: a connection becomes free, and the breaker lets one probe through every second. */
const RETRY_AFTER_SECONDS: ReadonlyMap<TransportFailure, number> = new Map([
  ['OVERLOADED', 1],
  ['BREAKER_OPEN', 1],
]);

const REASON_OF_FAILURE: ReadonlyMap<TransportFailure, UnknownReason> = new Map([
  ['TIMEOUT', 'TIMEOUT_AFTER_SEND'],
  ['CONNECTION_LOST', 'CONNECTION_LOST'],
]);

/** A create that is signed in. It must be sent or released, or other requests wait for its credential. */
export interface PreparedCreate {
  /** The credential of the first request. */
  credential: CredentialUse;
  /** Returns the credential unused. Does nothing once the create was sent. */
  release(): void;
}

/** The result of one POST, with the fields that the log and the retry policy need. */
export interface CreateAttempt {
  /** `notSent`: proven that no byte of the request left this process. */
  verdict: CreateVerdict | { kind: 'notSent' };
  status?: number;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  causeCode?: string | undefined;
  /** Why there was no response. */
  failure?: TransportFailure;
  /** Whether a new token may be accepted. */
  mayReauthenticate?: boolean;
  /** Whether DLI refused an earlier request of the same create. */
  isResent?: boolean;
  detail?: string;
}

/** The collaborators of {@link CreateRequests}. */
interface Dependencies {
  transport: Transport;
  authenticator: Authenticator;
  clock: Clock;
  log: DliLog;
  /** The URL of a project's connections. */
  urlOf(projectId: string): URL;
}

/** Sends creates through the circuit breaker and the retry policy. */
export class CreateRequests {
  readonly #deps: Dependencies;
  readonly #breaker: CircuitBreaker;
  readonly #budget: RetryBudget;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
    this.#breaker = new CircuitBreaker(dependencies.clock, dependencies.log);
    this.#budget = new RetryBudget(dependencies.clock);
  }

  /**
   * Does everything that can wait or fail before a byte is sent.
   *
   * @throws {DliError} AUTH_FAILED, AUTH_UNAVAILABLE or UNAVAILABLE; nothing was sent
   */
  async prepare(context: OperationContext): Promise<PreparedCreate> {
    if (this.#breaker.isOpen()) {
      const attempt = failedAttempt(new TransportError('BREAKER_OPEN', false));
      this.#report(attempt, context, 0);
      throw toDliError(attempt);
    }
    const credential = await acquireCredential(this.#deps.authenticator, this.#deps.log, context);
    return { credential, release: () => void credential.settle('UNPROVEN') };
  }

  /**
   * Sends the create, and once more when DLI is proven not to have executed the first request.
   *
   * @throws {DliError} when the second request cannot be authenticated; nothing was created
   */
  async send(
    body: string,
    { credential }: PreparedCreate,
    context: OperationContext,
  ): Promise<CreateAttempt> {
    this.#budget.addCall();
    let attempt = await this.#attempt(body, credential, context);
    if (attempt.verdict.kind === 'created') return attempt;
    const retries = new RetryPolicy(this.#budget);
    while (await retries.allows(attempt, context.deadline)) {
      const isResent = attempt.isResent === true || attempt.verdict.kind !== 'notSent';
      attempt = { ...(await this.#attempt(body, undefined, context)), isResent };
    }
    return attempt;
  }

  async #attempt(
    body: string,
    prepared: CredentialUse | undefined,
    context: OperationContext,
  ): Promise<CreateAttempt> {
    const startedMs = this.#deps.clock.monotonicMs();
    let attempt: CreateAttempt;
    if (prepared === undefined && this.#breaker.isOpen()) {
      attempt = failedAttempt(new TransportError('BREAKER_OPEN', false));
    } else {
      const credential =
        prepared ?? (await acquireCredential(this.#deps.authenticator, this.#deps.log, context));
      attempt = await this.#exchange(body, credential, context);
      attempt.mayReauthenticate = credential.settle(credentialVerdict(attempt));
    }
    this.#report(attempt, context, this.#deps.clock.monotonicMs() - startedMs);
    return attempt;
  }

  async #exchange(
    body: string,
    credential: CredentialUse,
    context: OperationContext,
  ): Promise<CreateAttempt> {
    try {
      const response = await this.#breaker.run(onSending => this.#post(body, credential, context, onSending));
      return completeAttempt(response, credential.projectId, this.#deps.clock.epochMs());
    } catch (error) {
      return failedAttempt(error);
    }
  }

  // The signature carries a date, so it is made right before the request is sent.
  #post(
    body: string,
    credential: CredentialUse,
    { deadline }: OperationContext,
    onSending: () => void,
  ): Promise<UpstreamResponse> {
    const method = 'POST';
    const url = this.#deps.urlOf(credential.projectId);
    const headers = credential.headersFor({ method, url, body });
    const limits = { deadline, maxBodyBytes: MAX_RESPONSE_BYTES, onSending };
    return this.#deps.transport.send({ method, url, headers, body, ...limits });
  }

  #report(attempt: CreateAttempt, { traceId }: OperationContext, durationMs: number): void {
    const record = toCallRecord(attempt, traceId, durationMs);
    this.#deps.log[attempt.verdict.kind === 'created' ? 'info' : 'warn'](record, 'create attempted');
  }
}

function completeAttempt(response: UpstreamResponse, projectId: string, nowEpochMs: number): CreateAttempt {
  return {
    verdict: classifyCreate(response.status, response.text),
    status: response.status,
    requestId: requestIdOf(response.header('x-request-id'), projectId),
    retryAfterSeconds: retryAfterSeconds(response.header('retry-after'), nowEpochMs),
  };
}

function failedAttempt(error: unknown): CreateAttempt {
  if (!(error instanceof TransportError)) {
    // An error of unknown origin proves nothing.
    const detail = error instanceof Error ? error.name : 'unknown error';
    return { verdict: { kind: 'unknown', reason: 'UNREADABLE_RESPONSE', upstreamCode: undefined }, detail };
  }
  const { failure, causeCode } = error;
  const details = { failure, detail: failure, causeCode };
  if (!error.mayHaveBeenSent) {
    const wait = RETRY_AFTER_SECONDS.get(failure) ?? RETRY_AFTER_UNREACHABLE_SECONDS;
    return { verdict: { kind: 'notSent' }, retryAfterSeconds: wait, ...details };
  }
  const reason = REASON_OF_FAILURE.get(failure) ?? 'UNREADABLE_RESPONSE';
  return { verdict: { kind: 'unknown', reason, upstreamCode: undefined }, ...details };
}

function isAuthRefusal({ verdict }: CreateAttempt): boolean {
  return verdict.kind === 'refused' && verdict.refusal === 'AUTH';
}

// Only a response of DLI itself proves that API Gateway accepted the credential.
function credentialVerdict(attempt: CreateAttempt): CredentialVerdict {
  // A 401 of unknown form leaves the outcome open, but may count towards the lockout of the credential.
  if (attempt.status === 401 || isAuthRefusal(attempt)) return 'REFUSED';
  const { verdict } = attempt;
  if (verdict.kind === 'created' || verdict.kind === 'unsuccessful') return 'ACCEPTED';
  const upstreamCode = 'upstreamCode' in verdict ? verdict.upstreamCode : undefined;
  return upstreamCode?.startsWith('DLI.') === true ? 'ACCEPTED' : 'UNPROVEN';
}

/** The error of an attempt that created nothing, or may have. */
export function toDliError(attempt: CreateAttempt): DliError {
  const { verdict, requestId, retryAfterSeconds: retryAfter, isResent = false } = attempt;
  switch (verdict.kind) {
    case 'notSent':
      return new DliError('UNAVAILABLE', { retryAfterSeconds: retryAfter });
    case 'refused': {
      const code = verdict.refusal === 'AUTH' ? 'AUTH_FAILED' : verdict.refusal;
      const wait = code === 'AUTH_FAILED' ? RETRY_AFTER_AUTH_FAILED_SECONDS : retryAfter;
      // The earlier request may have taken the name.
      const isDoubtful = isResent && code === 'NAME_TAKEN';
      const { upstreamCode } = verdict;
      return new DliError(code, { requestId, upstreamCode, retryAfterSeconds: wait, isDoubtful });
    }
    case 'unknown': {
      const { reason: unknownReason, upstreamCode } = verdict;
      return new DliError('OUTCOME_UNKNOWN', { requestId, upstreamCode, unknownReason });
    }
    case 'unsuccessful':
      return new DliError('REJECTED', { requestId, unknownReason: 'UNREADABLE_RESPONSE', isDoubtful: true });
    case 'created':
      throw new TypeError('A success is no error.');
  }
}

function toCallRecord(attempt: CreateAttempt, traceId: string, durationMs: number): DliCallRecord {
  const { verdict, status, requestId, causeCode, detail } = attempt;
  return {
    traceId,
    operation: 'createConnection',
    outcome: loggedOutcome(verdict),
    durationMs: Math.round(durationMs),
    mayHaveBeenSent: verdict.kind !== 'notSent',
    status,
    upstreamCode: 'upstreamCode' in verdict ? verdict.upstreamCode : undefined,
    requestId,
    causeCode,
    detail,
  };
}

function loggedOutcome(verdict: CreateAttempt['verdict']): string {
  if (verdict.kind === 'refused') return verdict.refusal;
  return verdict.kind === 'unknown' ? verdict.reason : verdict.kind;
}

const MIN_WAIT_MS = 100;
const WAIT_JITTER_MS = 200;
// A caller that would wait longer gets `retryAfterSeconds` instead.
const MAX_WAIT_MS = 2_000;
/** Time that the second request needs at least. */
const MIN_REQUEST_MS = 1_000;

/** RECONNECT: nothing was sent. RESEND: DLI is proven not to have executed the request. */
type Retry = 'RECONNECT' | 'RESEND';

/** Allows each kind of retry once per create, so that two requests at most are ever sent. */
class RetryPolicy {
  readonly #left = new Set<Retry>(['RECONNECT', 'RESEND']);
  readonly #budget: RetryBudget;

  constructor(budget: RetryBudget) {
    this.#budget = budget;
  }

  /** Waits (100 to 300 ms, or as DLI asks) and resolves with true; false at once when no retry is allowed. */
  async allows(attempt: CreateAttempt, deadline: Deadline): Promise<boolean> {
    const retry = retryFor(attempt);
    if (retry === undefined || !this.#left.delete(retry)) return false;
    // A new token needs no wait, and the lockout guard bounds how often there is one.
    if (isAuthRefusal(attempt)) return true;
    const jitterMs = MIN_WAIT_MS + Math.random() * WAIT_JITTER_MS;
    const askedMs = retry === 'RESEND' ? (attempt.retryAfterSeconds ?? 0) * 1_000 : 0;
    const waitMs = Math.max(askedMs, jitterMs);
    if (waitMs > MAX_WAIT_MS || deadline.remainingMs() < waitMs + MIN_REQUEST_MS) return false;
    if (!this.#budget.take()) return false;
    // Timers may fire up to a millisecond early.
    await delay(Math.ceil(waitMs) + 1);
    return true;
  }
}

/**
 * The retry that the result of an attempt allows.
 *
 * Never retried: whatever may have been executed; TLS failures, which stay; time-outs and overload, which a retry
 * would make worse.
 */
function retryFor({ verdict, failure, mayReauthenticate }: CreateAttempt): Retry | undefined {
  if (verdict.kind === 'notSent') return failure === 'UNREACHABLE' ? 'RECONNECT' : undefined;
  if (verdict.kind !== 'refused') return undefined;
  const { refusal } = verdict;
  if (refusal === 'THROTTLED' || refusal === 'UNAVAILABLE') return 'RESEND';
  return refusal === 'AUTH' && mayReauthenticate === true ? 'RESEND' : undefined;
}
