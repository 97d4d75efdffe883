import { setTimeout as delay } from 'node:timers/promises';
import type { Authenticator, CredentialUse, CredentialVerdict } from '../huawei-cloud/authenticator.js';
import type { Transport, UpstreamAnswer } from '../huawei-cloud/transport.js';
import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { Clock, Deadline } from '../lib/time.js';
import { ConnectionBreaker } from './circuit-breaker.js';
import type { CreateVerdict } from './classify-create.js';
import { readCreateAnswer } from './classify-create.js';
import type { DliCallRecord, DliLog, OperationContext, UnknownReason } from './dli-error.js';
import { DliError } from './dli-error.js';
import { RetryBudget } from './retry-budget.js';
import { signIn } from './safe-request.js';
import { requestIdOf, retryAfterSeconds } from './sanitize.js';

const MAX_ANSWER_BYTES = 1024 * 1024;

/** What sending creates takes. */
interface CreateSenderOptions {
  transport: Transport;
  authenticator: Authenticator;
  clock: Clock;
  log: DliLog;
  /** The address of the collection in a project. */
  urlOf(projectId: string): URL;
}

/** Sends creates, within the limits that protect DLI, the credential and the callers from each other. */
export class CreateSender {
  readonly #options: CreateSenderOptions;
  readonly #breaker: ConnectionBreaker;
  readonly #budget: RetryBudget;

  constructor(options: CreateSenderOptions) {
    this.#options = options;
    this.#breaker = new ConnectionBreaker(options.clock, options.log);
    this.#budget = new RetryBudget(options.clock);
  }

  /**
   * How a create ended: by two requests at most, the second only when the first is proven not to have been
   * executed.
   *
   * @throws {DliError} when there was no authentication for it; nothing was created then
   */
  async send(body: string, scope: OperationContext): Promise<CreateAttempt> {
    let attempt = await this.#attempt(body, scope, false);
    if (attempt.verdict.kind === 'created') return attempt;
    const secondTries = new SecondTries(this.#budget, Math.random);
    while (await secondTries.mayFollow(attempt, scope.deadline)) {
      const isResent = attempt.isResent === true || attempt.verdict.kind !== 'notSent';
      attempt = { ...(await this.#attempt(body, scope, true)), isResent };
    }
    return attempt;
  }

  async #attempt(body: string, scope: OperationContext, isRetry: boolean): Promise<CreateAttempt> {
    const { authenticator, clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let attempt: CreateAttempt;
    if (this.#breaker.isOpen()) {
      attempt = failedAttempt(new TransportError('BREAKER_OPEN', false));
    } else {
      const credential = await signIn(authenticator, log, scope);
      if (!isRetry) this.#budget.addCall();
      attempt = await this.#exchange(body, credential, scope);
      attempt.mayReauthenticate = credential.settle(credentialVerdict(attempt));
    }
    const record = recordOf(attempt, scope.traceId, clock.monotonicMs() - startedMs);
    log[attempt.verdict.kind === 'created' ? 'info' : 'warn'](record, 'create attempted');
    return attempt;
  }

  async #exchange(body: string, credential: CredentialUse, scope: OperationContext): Promise<CreateAttempt> {
    try {
      const answer = await this.#breaker.run(onSending => this.#post(body, credential, scope, onSending));
      return answeredAttempt(answer, credential.projectId, this.#options.clock.epochMs());
    } catch (error) {
      return failedAttempt(error);
    }
  }

  #post(
    body: string,
    credential: CredentialUse,
    { deadline }: OperationContext,
    onSending: () => void,
  ): Promise<UpstreamAnswer> {
    const url = this.#options.urlOf(credential.projectId);
    const headers = credential.headersFor({ method: 'POST', url, body });
    return this.#options.transport.send({
      method: 'POST',
      url,
      headers,
      body,
      deadline,
      maxBodyBytes: MAX_ANSWER_BYTES,
      onSending,
    });
  }
}

const RETRY_AFTER_UNREACHABLE_SECONDS = 5;
/** Of what passes sooner: a slot becomes free, and the breaker lets one probe through every second. */
const RETRY_AFTER_SECONDS_OF: ReadonlyMap<TransportFailure, number> = new Map([
  ['OVERLOADED', 1],
  ['BREAKER_OPEN', 1],
]);
const RETRY_AFTER_AUTH_FAILED_SECONDS = 60;

/** What one request to create a connection came to, and what is worth a line in the log. */
export interface CreateAttempt {
  /** `notSent`: proven that no byte of the request left this process. */
  verdict: CreateVerdict | { kind: 'notSent' };
  status?: number;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  causeCode?: string | undefined;
  /** Why no answer came. */
  failure?: TransportFailure;
  /** Whether a fresh authentication may fare better. */
  mayReauthenticate?: boolean;
  /** Whether another request went before, which DLI says it did not execute. */
  isResent?: boolean;
  detail?: string;
}

/** The attempt that a complete answer ended. */
function answeredAttempt(answer: UpstreamAnswer, projectId: string, nowEpochMs: number): CreateAttempt {
  return {
    verdict: readCreateAnswer(answer.status, answer.text),
    status: answer.status,
    requestId: requestIdOf(answer.header('x-request-id'), projectId),
    retryAfterSeconds: retryAfterSeconds(answer.header('retry-after'), nowEpochMs),
  };
}

/** The attempt that an error ended; an error that is not understood proves nothing. */
function failedAttempt(error: unknown): CreateAttempt {
  if (!(error instanceof TransportError)) {
    return {
      verdict: unknown('UNREADABLE_RESPONSE'),
      detail: error instanceof Error ? error.name : 'unknown error',
    };
  }
  const { failure, causeCode } = error;
  if (!error.mayHaveBeenSent) {
    const retryAfter = RETRY_AFTER_SECONDS_OF.get(failure) ?? RETRY_AFTER_UNREACHABLE_SECONDS;
    return {
      verdict: { kind: 'notSent' },
      retryAfterSeconds: retryAfter,
      failure,
      detail: failure,
      causeCode,
    };
  }
  const reason =
    failure === 'TIMEOUT' ? 'TIMEOUT_AFTER_SEND' : failure === 'CONNECTION_LOST' ? failure : undefined;
  return { verdict: unknown(reason ?? 'UNREADABLE_RESPONSE'), failure, detail: failure, causeCode };
}

/** Whether DLI refused the request for its token or signature. */
function wasRefusedForAuthentication({ verdict }: CreateAttempt): boolean {
  return verdict.kind === 'refused' && verdict.refusal === 'AUTH';
}

/** What an attempt says about the credential; only an answer of DLI itself shows that API Gateway let it pass. */
function credentialVerdict(attempt: CreateAttempt): CredentialVerdict {
  // A 401 of unknown form leaves the outcome open, but it may well count towards the lock of the credential.
  if (attempt.status === 401 || wasRefusedForAuthentication(attempt)) return 'REFUSED';
  const { verdict } = attempt;
  if (verdict.kind === 'created' || verdict.kind === 'unsuccessful') return 'ACCEPTED';
  const upstreamCode = 'upstreamCode' in verdict ? verdict.upstreamCode : undefined;
  return upstreamCode?.startsWith('DLI.') === true ? 'ACCEPTED' : 'UNPROVEN';
}

/** The error that tells of an attempt which created nothing, or may have. */
export function toDliError(attempt: CreateAttempt): DliError {
  const { verdict, requestId, retryAfterSeconds: retryAfter, isResent = false } = attempt;
  switch (verdict.kind) {
    case 'notSent':
      return new DliError('UNAVAILABLE', { retryAfterSeconds: retryAfter });
    case 'refused': {
      const code = verdict.refusal === 'AUTH' ? 'AUTH_FAILED' : verdict.refusal;
      const wait = code === 'AUTH_FAILED' ? RETRY_AFTER_AUTH_FAILED_SECONDS : retryAfter;
      // The name may have been taken by the request before.
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

/** The log record of an attempt. */
function recordOf(attempt: CreateAttempt, traceId: string, durationMs: number): DliCallRecord {
  const { verdict, status, requestId, causeCode, detail } = attempt;
  return {
    traceId,
    operation: 'createConnection',
    outcome: outcomeOf(verdict),
    durationMs: Math.round(durationMs),
    mayHaveBeenSent: verdict.kind !== 'notSent',
    status,
    upstreamCode: 'upstreamCode' in verdict ? verdict.upstreamCode : undefined,
    requestId,
    causeCode,
    detail,
  };
}

function outcomeOf(verdict: CreateAttempt['verdict']): string {
  if (verdict.kind === 'refused') return verdict.refusal;
  return verdict.kind === 'unknown' ? verdict.reason : verdict.kind;
}

function unknown(reason: UnknownReason): CreateVerdict {
  return { kind: 'unknown', reason, upstreamCode: undefined };
}

const LEAST_WAIT_MS = 100;
const WAIT_SPREAD_MS = 200;
// Whoever must wait longer is told so, and does better things meanwhile.
const MOST_WAIT_MS = 2_000;
/** What must be left of the deadline for the call behind a wait. */
const LEAST_CALL_MS = 1_000;

/** RECONNECT: nothing was sent. RESEND: DLI proved that it did not execute what was sent. */
type SecondTry = 'RECONNECT' | 'RESEND';

/**
 * The second chances of one create: one connection more and one request more, each at most once, so that no
 * more than two requests are ever sent.
 */
class SecondTries {
  readonly #left = new Set<SecondTry>(['RECONNECT', 'RESEND']);
  readonly #budget: RetryBudget;
  readonly #random: () => number;

  /** @param random a number from 0 to 1, which spreads the waits over 100 to 300 ms */
  constructor(budget: RetryBudget, random: () => number) {
    this.#budget = budget;
    this.#random = random;
  }

  /** Waits until another attempt may be made; false, without a wait, when none may. */
  async mayFollow(attempt: CreateAttempt, deadline: Deadline): Promise<boolean> {
    const secondTry = secondTryFor(attempt);
    if (secondTry === undefined || !this.#left.delete(secondTry)) return false;
    // A fresh token needs no patience, and the guard of the credential bounds how often there is one.
    if (wasRefusedForAuthentication(attempt)) return true;
    const jitterMs = LEAST_WAIT_MS + this.#random() * WAIT_SPREAD_MS;
    const askedMs = secondTry === 'RESEND' ? (attempt.retryAfterSeconds ?? 0) * 1_000 : 0;
    const waitMs = Math.max(askedMs, jitterMs);
    if (waitMs > MOST_WAIT_MS || deadline.remainingMs() < waitMs + LEAST_CALL_MS) return false;
    if (!this.#budget.take()) return false;
    // Timers may fire within the millisecond before.
    await delay(Math.ceil(waitMs) + 1);
    return true;
  }
}

/**
 * The second try that the outcome of an attempt allows; undefined for every other outcome.
 *
 * Not among them: a failure of TLS, which stays; time-outs and overload, where another try adds to the load;
 * and above all whatever may have been executed.
 */
function secondTryFor({ verdict, failure, mayReauthenticate }: CreateAttempt): SecondTry | undefined {
  if (verdict.kind === 'notSent') return failure === 'UNREACHABLE' ? 'RECONNECT' : undefined;
  if (verdict.kind !== 'refused') return undefined;
  const { refusal } = verdict;
  if (refusal === 'THROTTLED' || refusal === 'UNAVAILABLE') return 'RESEND';
  return refusal === 'AUTH' && mayReauthenticate === true ? 'RESEND' : undefined;
}
