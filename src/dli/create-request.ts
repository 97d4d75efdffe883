import { setTimeout as delay } from 'node:timers/promises';
import type { CredentialUse } from '../huawei-cloud/authenticator.js';
import type { Transport } from '../huawei-cloud/transport.js';
import { mayReconnect, TransportError } from '../huawei-cloud/transport-error.js';
import type { UpstreamLog } from '../huawei-cloud/upstream-log.js';
import { logBug } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { ConnectionRequest } from './connection.js';
import { ConnectionKind, WIRE_NAME_OF_SERVICE } from './connection.js';
import type { CreateAttempt, CreateResult } from './create-attempt.js';
import {
  completeAttempt,
  credentialVerdict,
  failedAttempt,
  isAuthRefusal,
  toResult,
  toUnavailable,
  toUpstreamCall,
} from './create-attempt.js';
import type { CreateOperation, DliLog, FailedResult, OperationContext } from './dli-error.js';
import type { AcquireCredential } from './repeatable-request.js';
import { MAX_RESPONSE_BYTES } from './responses.js';
import type { ConfidentialTexts } from './sanitize.js';

/** A create that has its credential. It must be sent or released, or other requests wait for its credential. */
export interface PreparedCreate {
  kind: 'prepared';
  /** The credential of the first request. */
  credential: CredentialUse;
  /** Returns the credential unused. Does nothing once the create was sent. */
  release(): void;
}

/** Where a create is sent, and its name in the log. */
interface CreateTarget {
  operation: CreateOperation;
  /** The path of a project's connections. */
  pathOf(projectId: string): string;
}

interface Dependencies {
  transport: Transport;
  acquireCredential: AcquireCredential;
  clock: Clock;
  log: DliLog;
  upstream: UpstreamLog;
  /** Base URL of DLI, without a path. */
  endpoint: URL;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
  metrics: Metrics;
}

/** Sends creates of all kinds through one circuit breaker and one retry budget, because they share an endpoint. */
export class CreateRequests {
  readonly #breaker: CircuitBreaker;
  readonly #budget: RetryBudget;

  constructor(private readonly dependencies: Dependencies) {
    this.#breaker = new CircuitBreaker(dependencies.clock, dependencies.log);
    this.#budget = new RetryBudget(dependencies.clock);
    dependencies.metrics.read('dli_gateway_breaker_open', () => Number(this.#breaker.isTripped));
  }

  /** Whether the circuit breaker is open, also while a probe may be sent. */
  isBreakerOpen(): boolean {
    return this.#breaker.isTripped;
  }

  /**
   * Does everything that can wait or fail before a byte is sent.
   *
   * @param operation for the log
   * @returns AUTH_FAILED, AUTH_UNAVAILABLE or UNAVAILABLE when it failed
   */
  async prepare(operation: CreateOperation, context: OperationContext): Promise<PreparedCreate | FailedResult> {
    if (this.#breaker.isOpen()) return toUnavailable(this.#refuse(operation, context));
    const credential = await this.dependencies.acquireCredential(context);
    if ('kind' in credential) return credential;
    return { kind: 'prepared', credential, release: () => void credential.report('UNPROVEN') };
  }

  /** Sends the create, and once more when DLI is proven not to have executed the first request. */
  async send(
    target: CreateTarget,
    request: ConnectionRequest,
    { credential }: PreparedCreate,
    context: OperationContext,
  ): Promise<CreateResult> {
    const body = JSON.stringify(toWireRequest(request));
    this.#budget.addCall();
    let attempt = await this.#attempt(target, body, credential, context);
    if (attempt.verdict.kind === 'created') return toResult(attempt);
    const { operation } = target;
    const countRetry = (result: 'succeeded' | 'failed' | 'denied') =>
      this.dependencies.metrics.count('dli_gateway_retries_total', { operation, result });
    const retries = new RetryPolicy(this.#budget, () => countRetry('denied'));
    let isResent = false;
    while (await retries.waitForRetry(attempt, context.deadline)) {
      isResent ||= attempt.verdict.kind !== 'notSent';
      if (this.#breaker.isOpen()) return toResult(this.#refuse(operation, context), isResent);
      const another = await this.dependencies.acquireCredential(context);
      if ('kind' in another) return another;
      attempt = await this.#attempt(target, body, another, context);
      countRetry(attempt.verdict.kind === 'created' ? 'succeeded' : 'failed');
    }
    return toResult(attempt, isResent);
  }

  /** The attempt that the open circuit breaker prevented. */
  #refuse(operation: CreateOperation, context: OperationContext): CreateAttempt {
    const attempt = failedAttempt(new TransportError('BREAKER_OPEN', false));
    this.#report(operation, attempt, context, 0);
    return attempt;
  }

  async #attempt(
    { operation, pathOf }: CreateTarget,
    body: string,
    credential: CredentialUse,
    context: OperationContext,
  ): Promise<CreateAttempt> {
    const { clock, transport, endpoint, confidential, log } = this.dependencies;
    const { projectId } = credential;
    const url = new URL(pathOf(projectId), endpoint);
    const startedMs = clock.monotonicMs();
    const attempt = await this.#breaker
      .run(onSending => {
        const request = { method: 'POST', url, body } as const;
        // The signature carries a date, so it is made right before the request is sent.
        const headers = credential.headersFor(request);
        const limits = { deadline: context.deadline, maxBodyBytes: MAX_RESPONSE_BYTES, onSending };
        return transport.send({ ...request, headers, ...limits });
      })
      .then(response => completeAttempt(response, projectId, clock, confidential))
      .catch(error => {
        if (!(error instanceof TransportError)) logBug(log, { ...context.trace, operation }, error);
        return failedAttempt(error);
      });
    attempt.mayReauthenticate = credential.report(credentialVerdict(attempt));
    this.#report(operation, attempt, context, clock.monotonicMs() - startedMs);
    return attempt;
  }

  #report(operation: CreateOperation, attempt: CreateAttempt, { trace }: OperationContext, durationMs: number): void {
    this.dependencies.upstream.write(toUpstreamCall(operation, attempt, trace, durationMs));
  }
}

/** The body of a create. Resources of enhanced connections are bound by requests of their own. */
function toWireRequest(request: ConnectionRequest): object {
  const tags = request.tags?.length ? request.tags.map(({ key, value }) => ({ key, value })) : undefined;
  if (request.kind === ConnectionKind.CLASSIC) {
    return {
      name: request.name,
      service: WIRE_NAME_OF_SERVICE[request.service],
      security_group_id: request.securityGroupId,
      network_id: request.networkId,
      url: request.url,
      cluster_name: request.clusterName,
      tags,
    };
  }
  return {
    name: request.name,
    dest_vpc_id: request.vpcId,
    dest_network_id: request.networkId,
    routetable_id: request.routeTableId,
    hosts: request.hosts?.map(({ name, ip }) => ({ name, ip })),
    tags,
  };
}

const MIN_WAIT_MS = 100;
const WAIT_JITTER_MS = 200;
// A caller that would wait longer gets `retryAfterSeconds` instead.
const MAX_WAIT_MS = 2_000;
/** Minimum time for the second request. */
const MIN_REQUEST_MS = 1_000;

/** RECONNECT: nothing was sent. RESEND: DLI is proven not to have executed the request. */
type Retry = 'RECONNECT' | 'RESEND';

/** Allows each kind of retry once per create, so at most two requests are ever sent. */
class RetryPolicy {
  readonly #left = new Set<Retry>(['RECONNECT', 'RESEND']);

  /** @param onDenied called when a retry would be safe, but the deadline or the budget does not allow it */
  constructor(
    private readonly budget: RetryBudget,
    private readonly onDenied: () => void,
  ) {}

  /** Waits (100 to 300 ms, or as long as DLI asks) and resolves with true; false at once when no retry is allowed. */
  async waitForRetry(attempt: CreateAttempt, deadline: Deadline): Promise<boolean> {
    const retry = retryFor(attempt);
    if (retry === undefined || !this.#left.delete(retry)) return false;
    // A new token needs no wait, and the lockout guard limits how often one is tried.
    if (isAuthRefusal(attempt)) return true;
    const jitterMs = MIN_WAIT_MS + Math.random() * WAIT_JITTER_MS;
    const requestedMs = retry === 'RESEND' ? (attempt.retryAfterSeconds ?? 0) * 1_000 : 0;
    const waitMs = Math.max(requestedMs, jitterMs);
    const isInTime = waitMs <= MAX_WAIT_MS && deadline.remainingMs() >= waitMs + MIN_REQUEST_MS;
    if (!isInTime || !this.budget.take()) {
      this.onDenied();
      return false;
    }
    // Timers may fire up to a millisecond early.
    await delay(Math.ceil(waitMs) + 1);
    return true;
  }
}

/**
 * The retry that the result of an attempt allows.
 *
 * Never retried: a request that may have been executed; TLS failures and refusals of a proxy, which persist; timeouts
 * and overload, which a retry would make worse.
 */
function retryFor({ verdict, failure, mayReauthenticate }: CreateAttempt): Retry | undefined {
  if (verdict.kind === 'notSent') return mayReconnect(failure) ? 'RECONNECT' : undefined;
  if (verdict.kind !== 'refused') return undefined;
  const { refusal } = verdict;
  if (refusal === 'THROTTLED' || refusal === 'UNAVAILABLE') return 'RESEND';
  return refusal === 'AUTH' && mayReauthenticate === true ? 'RESEND' : undefined;
}

/** One slot per second of the last minute. */
const SLOTS = 60;
const MAX_SHARE = 0.1;
const FLOOR_SLOTS = 10;
const FLOOR = 3;

/**
 * Retry budget of all creates of the process: 10 % of the calls of the last minute, and at least 3 in 10 s. Retries
 * thus cannot multiply the load on a failing upstream.
 */
export class RetryBudget {
  readonly #calls = new Uint32Array(SLOTS);
  readonly #retries = new Uint32Array(SLOTS);
  #second = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Counts a first request. */
  addCall(): void {
    const slot = this.#slot();
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
  }

  /** Takes one retry out of the budget. False when it is used up. */
  take(): boolean {
    const slot = this.#slot();
    const earned = Math.floor(sum(this.#calls) * MAX_SHARE);
    if (sum(this.#retries) >= earned && this.#recentRetries() >= FLOOR) return false;
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1;
    return true;
  }

  #recentRetries(): number {
    let total = 0;
    for (let back = 0; back < FLOOR_SLOTS; back += 1) {
      total += this.#retries[(this.#second - back + SLOTS) % SLOTS] ?? 0;
    }
    return total;
  }

  /** The slot of this second. Empties the slots of the seconds since the last call. */
  #slot(): number {
    const second = Math.floor(this.clock.monotonicMs() / 1_000);
    for (let passed = Math.max(this.#second + 1, second - SLOTS + 1); passed <= second; passed += 1) {
      this.#calls[passed % SLOTS] = 0;
      this.#retries[passed % SLOTS] = 0;
    }
    this.#second = second;
    return second % SLOTS;
  }
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
