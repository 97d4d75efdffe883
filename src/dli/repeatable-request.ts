import type { CredentialUse } from '../huawei-cloud/authenticator.js';
import type { KyClient } from '../huawei-cloud/ky-client.js';
import { createKyClient } from '../huawei-cloud/ky-client.js';
import type { BodyFilter } from '../huawei-cloud/response-collector.js';
import type { Transport } from '../huawei-cloud/transport.js';
import { mayReconnect, TransportError } from '../huawei-cloud/transport-error.js';
import type { CallDetails, UpstreamLog } from '../huawei-cloud/upstream-log.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Refusal } from './classify-create.js';
import { provenRefusal, refusesCredential } from './classify-create.js';
import type {
  DecodingOutcome,
  DliErrorCode,
  DliLog,
  FailedResult,
  FailureDetails,
  OperationContext,
  RepeatableOperation,
} from './dli-error.js';
import {
  DliError,
  RETRY_AFTER_AUTH_FAILED_SECONDS,
  UNKNOWN_PATH_CODES,
  UnknownOutcomeError,
  unknownReasonOfFailure,
  unknownReasonOfStatus,
} from './dli-error.js';
import { UndocumentedFields } from './field-reader.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readErrorBody, readRetryAfterSeconds, requestIdOf } from './sanitize.js';

const RETRY_AFTER_UNAVAILABLE_SECONDS = 2;
/** A retry needs at least this much time before the deadline. */
const MIN_FOR_RETRY_MS = 1_000;

/** A GET, or a request that can be repeated once its effect has been checked. */
export interface RepeatableRequest {
  operation: RepeatableOperation;
  method: 'GET' | 'DELETE' | 'POST';
  /** The path, and the query if there is one. */
  pathOf(projectId: string): string;
  /** Text of the body. Default: no body. */
  body?: string;
  maxBodyBytes: number;
  /** Creates the filter of one response; a retry needs a new one. */
  createFilter?: (() => BodyFilter) | undefined;
  /** Whether the path has no id, so that a 404 without an error code means that DLI does not offer the operation. */
  isCollection?: boolean;
}

/** A complete response of any status. */
export interface CompleteResponse {
  status: number;
  text: string;
  requestId: string | undefined;
  /** Receives the fields that are not as documented. */
  undocumented: UndocumentedFields;
  confidential: ConfidentialTexts;
}

/** Acquires the credential of one request, whose verdict must be reported. Logs a failure. */
export type AcquireCredential = (
  context: OperationContext,
) => Promise<CredentialUse | (FailedResult & { code: DliErrorCode })>;

/** Dependencies of {@link RepeatableRequests}. */
export interface RepeatableRequestDependencies {
  transport: Transport;
  acquireCredential: AcquireCredential;
  /** Base URL of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  log: DliLog;
  upstream: UpstreamLog;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
  /** Limits the lines about undocumented values, which every poll may cause. */
  sampler: LogSampler;
  metrics: Metrics;
  /** 2 allows one retry. */
  maxTries: 1 | 2;
}

interface Failure {
  error: DliError | UnknownOutcomeError;
  /** Whether a retry may succeed and is safe. */
  mayRetry: boolean;
  callDetails: Partial<CallDetails>;
}

/** Fields to log about a parsed response. */
export type CallNotes = Pick<Partial<CallDetails>, 'outcome' | 'upstreamMessage'>;

type Exchange<T> = { value: T; callDetails: Pick<CallDetails, 'outcome' | 'status' | 'upstreamRequestId'> } | Failure;

/**
 * Sends requests that may be repeated, with one retry. A DELETE or POST is retried only when DLI is proven not to have
 * executed it, or refuses the credential; otherwise its caller checks the connection first.
 */
export class RepeatableRequests {
  readonly #http: KyClient;

  constructor(private readonly dependencies: RepeatableRequestDependencies) {
    this.#http = createKyClient(dependencies.transport);
  }

  /**
   * Resolves with the parsed response.
   *
   * @param read parses a response; undefined makes it an error
   * @param describe returns more fields to log about a parsed response. Default: none.
   * @throws {UnknownOutcomeError} when a DELETE or POST may have been executed
   * @throws {DliError} with any code
   */
  async send<T>(
    request: RepeatableRequest,
    context: OperationContext,
    read: (response: CompleteResponse) => T | undefined,
    describe?: (value: T) => CallNotes,
  ): Promise<T> {
    let result = await this.#try(request, context, read, describe);
    if ('error' in result && this.#mayRetry(result, context)) {
      result = await this.#try(request, context, read, describe);
      this.#countRetry(request, 'error' in result ? 'failed' : 'succeeded');
    } else if ('error' in result && result.mayRetry && this.dependencies.maxTries > 1) {
      this.#countRetry(request, 'denied');
    }
    if ('error' in result) throw result.error;
    return result.value;
  }

  #countRetry({ operation }: RepeatableRequest, result: 'succeeded' | 'failed' | 'denied'): void {
    this.dependencies.metrics.count('dli_gateway_retries_total', { operation, result });
  }

  #mayRetry(failure: Failure, { deadline, mayRetry }: OperationContext): boolean {
    if (this.dependencies.maxTries === 1 || !failure.mayRetry) return false;
    return deadline.remainingMs() > MIN_FOR_RETRY_MS && (mayRetry?.() ?? true);
  }

  async #try<T>(
    request: RepeatableRequest,
    context: OperationContext,
    read: (response: CompleteResponse) => T | undefined,
    describe: (value: T) => CallNotes = () => ({}),
  ): Promise<{ value: T } | Failure> {
    const { acquireCredential, clock, confidential, upstream } = this.dependencies;
    const credential = await acquireCredential(context);
    if ('kind' in credential)
      return { error: new DliError(credential.code, credential), mayRetry: false, callDetails: {} };
    const startedMs = clock.monotonicMs();
    const undocumented = new UndocumentedFields();
    let result: Exchange<T>;
    try {
      result = await this.#exchange(request, credential, context, response =>
        read({ ...response, undocumented, confidential }),
      );
    } finally {
      credential.report('UNPROVEN');
    }
    const { operation } = request;
    const durationMs = clock.monotonicMs() - startedMs;
    const call = { trace: context.trace, target: 'dli', operation, durationMs, mayHaveBeenSent: true } as const;
    if ('error' in result) {
      const { error, callDetails } = result;
      const { code: outcome, requestId: upstreamRequestId } = error;
      // A region that lacks an operation lacks it for every call.
      const isLasting = error instanceof DliError && error.isNotOffered;
      upstream.write(
        { ...call, outcome, upstreamRequestId, detail: undocumented.describe(), ...callDetails },
        isLasting,
      );
    } else {
      upstream.write({ ...call, ...result.callDetails, ...describe(result.value) });
      this.#warnOfUndocumented(operation, undocumented, context);
    }
    return result;
  }

  #warnOfUndocumented(
    operation: RepeatableOperation,
    undocumented: UndocumentedFields,
    { trace }: OperationContext,
  ): void {
    const { log, sampler } = this.dependencies;
    const { withoutId, count: odd } = undocumented;
    if (withoutId === 0 && odd === 0) return;
    const outcome: DecodingOutcome = withoutId > 0 ? 'LEFT_OUT' : 'ODD_FIELDS';
    const message = withoutId > 0 ? 'connections without an id' : 'response with undocumented values';
    const record = { ...trace, operation, outcome, count: withoutId || odd, detail: undocumented.describe() };
    sampler.sample(
      `${operation} ${outcome}`,
      () => log.warn(record, message),
      count => log.warn({ operation, outcome, count }, 'undocumented responses not logged'),
    );
  }

  async #exchange<T>(
    request: RepeatableRequest,
    credential: CredentialUse,
    { deadline }: OperationContext,
    read: (response: Omit<CompleteResponse, 'undocumented' | 'confidential'>) => T | undefined,
  ): Promise<Exchange<T>> {
    const { method, body = '', maxBodyBytes, createFilter } = request;
    const url = new URL(request.pathOf(credential.projectId), this.dependencies.endpoint);
    let response: Response;
    try {
      response = await this.#http(url, {
        method,
        headers: credential.headersFor({ method, url, body }),
        ...(body !== '' && { body }),
        limits: { deadline, maxBodyBytes, filter: createFilter?.() },
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return failureOf(error, method);
    }
    const { status, headers } = response;
    const text = await response.text();
    const requestId = requestIdOf(headers.get('x-request-id') ?? undefined, credential.projectId);
    const value = read({ status, text, requestId });
    if (value !== undefined) {
      credential.report('ACCEPTED');
      // An error that was parsed means that there is no such connection.
      const outcome = status < 400 ? 'OK' : 'notFound';
      return { value, callDetails: { outcome, status, upstreamRequestId: requestId } };
    }
    const wait = readRetryAfterSeconds(headers.get('retry-after') ?? undefined, this.dependencies.clock);
    const { code, loggedCode, upstreamMessage } = readErrorBody(status, text, this.dependencies.confidential);
    // A GET changes nothing, so its refusal needs no proof.
    const refusal = method === 'GET' && status === 429 ? 'THROTTLED' : provenRefusal(status, text, code);
    const wasNotExecuted = method === 'GET' || refusal !== undefined;
    // A Retry-After forbids an immediate retry.
    let mayRetry = status >= 500 && wait === undefined && wasNotExecuted;
    // An unlisted 401 does not prove that nothing was done, and only a DELETE may be repeated regardless.
    if (refusesCredential(status, refusal))
      mayRetry = credential.report('REFUSED') && (method !== 'POST' || wasNotExecuted);
    const callDetails = { status, upstreamCode: loggedCode, upstreamMessage };
    const lacksPath = code === undefined ? request.isCollection === true : UNKNOWN_PATH_CODES.includes(code);
    const isNotOffered = method === 'GET' && status === 404 && lacksPath;
    const details = {
      status,
      isNotOffered,
      requestId,
      upstreamCode: code,
      upstreamMessage,
      retryAfterSeconds: wait ?? RETRY_AFTER_UNAVAILABLE_SECONDS,
    };
    return { error: errorOf(refusal, details, method), mayRetry, callDetails };
  }
}

function failureOf({ failure, causeCode, mayHaveBeenSent }: TransportError, method: string): Failure {
  const callDetails = { mayHaveBeenSent, causeCode, errorType: failure };
  const details = { retryAfterSeconds: RETRY_AFTER_UNAVAILABLE_SECONDS };
  if (mayHaveBeenSent && method !== 'GET')
    return { error: new UnknownOutcomeError(unknownReasonOfFailure(failure), details), mayRetry: false, callDetails };
  const mayRetry = failure === 'CONNECTION_LOST' || mayReconnect(failure);
  return { error: new DliError('UNAVAILABLE', details), mayRetry, callDetails };
}

function errorOf(
  refusal: Refusal | undefined,
  details: FailureDetails & { status: number; isNotOffered: boolean; retryAfterSeconds: number },
  method: string,
): DliError | UnknownOutcomeError {
  const { status, isNotOffered } = details;
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
        ? new DliError(isNotOffered ? 'REJECTED' : 'UNAVAILABLE', details)
        : new UnknownOutcomeError(unknownReasonOfStatus(status), details);
  }
}
