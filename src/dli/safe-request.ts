import type { KyInstance } from 'ky';
import type { CredentialUse } from '../huawei-cloud/authenticator.js';
import type { CallOptions } from '../huawei-cloud/ky-client.js';
import { createKyClient } from '../huawei-cloud/ky-client.js';
import type { BodyFilter } from '../huawei-cloud/response-collector.js';
import type { Transport } from '../huawei-cloud/transport.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Clock } from '../lib/time.js';
import type { Refusal } from './classify-create.js';
import { provenRefusal, refusesCredential } from './classify-create.js';
import type {
  DecodingOutcome,
  DliCallRecord,
  DliErrorCode,
  DliLog,
  FailedResult,
  FailureDetails,
  OperationContext,
} from './dli-error.js';
import {
  DliError,
  RETRY_AFTER_AUTH_FAILED_SECONDS,
  UnknownOutcomeError,
  unknownReasonOfFailure,
  unknownReasonOfStatus,
} from './dli-error.js';
import { UndocumentedFields } from './field-reader.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readErrorBody, requestIdOf, retryAfterSeconds } from './sanitize.js';

const RETRY_AFTER_UNAVAILABLE_SECONDS = 2;
/** A retry needs at least this much of the deadline. */
const MIN_FOR_RETRY_MS = 1_000;

/** A GET, or a DELETE, which is idempotent (RFC 9110, 9.2). */
interface SafeRequest {
  operation: Exclude<DliCallRecord['operation'], 'authenticate' | 'createConnection'>;
  method: 'GET' | 'DELETE';
  /** Appended to the URL of the project's connections. */
  path: string;
  maxBodyBytes: number;
  /** Creates the filter of one response; a retry needs another one. */
  createFilter?: (() => BodyFilter) | undefined;
}

/** A complete response of any status. */
export interface SafeResponse {
  status: number;
  text: string;
  requestId: string | undefined;
  /** Receives the fields that are not as documented. */
  undocumented: UndocumentedFields;
  confidential: ConfidentialTexts;
}

/** Acquires the credential of one request, which must be settled. Logs a failure. */
export type SignIn = (context: OperationContext) => Promise<CredentialUse | (FailedResult & { code: DliErrorCode })>;

interface Dependencies {
  transport: Transport;
  signIn: SignIn;
  /** The URL of a project's connections. */
  urlOf(projectId: string): URL;
  clock: Clock;
  log: DliLog;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
  /** Limits the lines about undocumented values, which every poll may cause. */
  sampler: LogSampler;
  /** 2 allows one retry. */
  maxTries: 1 | 2;
}

interface Failure {
  error: DliError | UnknownOutcomeError;
  /** Whether a retry may succeed and is safe. */
  mayRetry: boolean;
  record: Partial<DliCallRecord>;
}

/**
 * Sends requests without a body, with one retry. A DELETE is retried only when DLI is proven not to have executed it;
 * otherwise its caller checks the connection first.
 */
export class SafeRequests {
  readonly #http: KyInstance;

  constructor(private readonly dependencies: Dependencies) {
    this.#http = createKyClient(dependencies.transport);
  }

  /**
   * Resolves with the parsed response.
   *
   * @param read parses a response; undefined makes it an error
   * @throws {UnknownOutcomeError} when a DELETE may have been executed
   * @throws {DliError} with any code
   */
  async send<T>(
    request: SafeRequest,
    context: OperationContext,
    read: (response: SafeResponse) => T | undefined,
  ): Promise<T> {
    let result = await this.#try(request, context, read);
    if ('error' in result && this.#mayRetry(result, context)) result = await this.#try(request, context, read);
    if ('error' in result) throw result.error;
    return result.value;
  }

  #mayRetry(failure: Failure, { deadline, mayRetry }: OperationContext): boolean {
    if (this.dependencies.maxTries === 1 || !failure.mayRetry) return false;
    return deadline.remainingMs() > MIN_FOR_RETRY_MS && (mayRetry?.() ?? true);
  }

  async #try<T>(
    request: SafeRequest,
    context: OperationContext,
    read: (response: SafeResponse) => T | undefined,
  ): Promise<{ value: T } | Failure> {
    const { signIn, clock, log, confidential } = this.dependencies;
    const startedMs = clock.monotonicMs();
    const credential = await signIn(context);
    if ('kind' in credential) return { error: new DliError(credential.code, credential), mayRetry: false, record: {} };
    const undocumented = new UndocumentedFields();
    let result: { value: T } | Failure;
    try {
      result = await this.#exchange(request, credential, context, response =>
        read({ ...response, undocumented, confidential }),
      );
    } finally {
      credential.settle('UNPROVEN');
    }
    const call = {
      traceId: context.traceId,
      operation: request.operation,
      durationMs: Math.round(clock.monotonicMs() - startedMs),
      mayHaveBeenSent: true,
      detail: undocumented.describe(),
    };
    if ('error' in result) {
      const { error, record } = result;
      log.warn({ ...call, outcome: error.code, requestId: error.requestId, ...record }, 'call to DLI failed');
    } else if (undocumented.withoutId > 0) {
      this.#warnOfUndocumented(
        { ...call, outcome: 'LEFT_OUT', count: undocumented.withoutId },
        'connections without an id',
      );
    } else if (undocumented.count > 0) {
      this.#warnOfUndocumented(
        { ...call, outcome: 'ODD_FIELDS', count: undocumented.count },
        'response with undocumented values',
      );
    }
    return result;
  }

  #warnOfUndocumented(record: DliCallRecord & { outcome: DecodingOutcome }, message: string): void {
    const { log, sampler } = this.dependencies;
    const { operation, outcome } = record;
    sampler.sample(
      `${operation} ${outcome}`,
      () => log.warn(record, message),
      count => log.warn({ operation, outcome, count }, 'undocumented responses not logged'),
    );
  }

  async #exchange<T>(
    { method, path, maxBodyBytes, createFilter }: SafeRequest,
    credential: CredentialUse,
    { deadline }: OperationContext,
    read: (response: Omit<SafeResponse, 'undocumented' | 'confidential'>) => T | undefined,
  ): Promise<{ value: T } | Failure> {
    const url = new URL(`${this.dependencies.urlOf(credential.projectId)}${path}`);
    let response: Response;
    try {
      response = await this.#http(url, {
        method,
        headers: credential.headersFor({ method, url, body: '' }),
        limits: { deadline, maxBodyBytes, filter: createFilter?.() },
      } as CallOptions);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return failureOf(error, method);
    }
    const { status, headers } = response;
    const text = await response.text();
    const requestId = requestIdOf(headers.get('x-request-id') ?? undefined, credential.projectId);
    const value = read({ status, text, requestId });
    if (value !== undefined) {
      credential.settle('ACCEPTED');
      return { value };
    }
    const wait = retryAfterSeconds(headers.get('retry-after') ?? undefined, this.dependencies.clock);
    const { code, loggedCode, upstreamMessage } = readErrorBody(status, text, this.dependencies.confidential);
    // A GET changes nothing, so its refusal needs no proof.
    const refusal = method === 'GET' && status === 429 ? 'THROTTLED' : provenRefusal(status, text, code);
    const wasNotExecuted = method === 'GET' || refusal !== undefined;
    // A Retry-After forbids an immediate retry.
    let mayRetry = status >= 500 && wait === undefined && wasNotExecuted;
    if (refusesCredential(status, refusal)) mayRetry = credential.settle('REFUSED');
    const record = { status, upstreamCode: loggedCode, upstreamMessage };
    const details = {
      status,
      requestId,
      upstreamCode: code,
      upstreamMessage,
      retryAfterSeconds: wait ?? RETRY_AFTER_UNAVAILABLE_SECONDS,
    };
    return { error: errorOf(refusal, details, method), mayRetry, record };
  }
}

function failureOf({ failure, causeCode, mayHaveBeenSent }: TransportError, method: string): Failure {
  const record = { mayHaveBeenSent, causeCode, detail: failure };
  const details = { retryAfterSeconds: RETRY_AFTER_UNAVAILABLE_SECONDS };
  if (mayHaveBeenSent && method === 'DELETE')
    return { error: new UnknownOutcomeError(unknownReasonOfFailure(failure), details), mayRetry: false, record };
  const mayRetry = failure === 'CONNECTION_LOST' || failure === 'UNREACHABLE';
  return { error: new DliError('UNAVAILABLE', details), mayRetry, record };
}

function errorOf(
  refusal: Refusal | undefined,
  details: FailureDetails & { status: number; retryAfterSeconds: number },
  method: string,
): DliError | UnknownOutcomeError {
  const { status } = details;
  const isUnconfirmed = refusal === undefined;
  const authFailed = { ...details, retryAfterSeconds: RETRY_AFTER_AUTH_FAILED_SECONDS, isUnconfirmed };
  if (status === 401 || status === 403) return new DliError('AUTH_FAILED', authFailed);
  switch (refusal) {
    case 'AUTH':
    case 'AUTH_FAILED':
      return new DliError('AUTH_FAILED', authFailed);
    case 'THROTTLED':
    case 'UNAVAILABLE':
      return new DliError(refusal, details);
    case 'NAME_TAKEN':
    case 'REJECTED':
      return new DliError('REJECTED', details);
    case undefined:
      return method === 'GET'
        ? new DliError('UNAVAILABLE', details)
        : new UnknownOutcomeError(unknownReasonOfStatus(status), details);
  }
}
