import type { Authentication, Authenticator } from '../huawei-cloud/authentication.js';
import { AuthenticationError } from '../huawei-cloud/authentication.js';
import type { Clock } from '../huawei-cloud/clock.js';
import type { Deadline } from '../huawei-cloud/deadline.js';
import type { Transport, UpstreamAnswer } from '../huawei-cloud/transport.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { ConnectionRequest, CreatedConnection } from './connection.js';
import { readConnectionList } from './connection-list.js';
import type { CreateVerdict } from './create-answer.js';
import { readCreateAnswer } from './create-answer.js';
import { WIRE_NAME_OF_SERVICE } from './datasource-service.js';
import type { UnknownReason } from './dli-error.js';
import { DliError } from './dli-error.js';
import type { DliCallRecord, DliLog } from './dli-log.js';
import { retryAfterSeconds } from './retry-after.js';
import { shownMessage } from './shown-message.js';

const MAX_CREATE_ANSWER_BYTES = 1024 * 1024;
const MAX_LIST_ANSWER_BYTES = 16 * 1024 * 1024;
const RETRY_AFTER_UNREACHABLE_SECONDS = 5;
const RETRY_AFTER_AUTH_FAILED_SECONDS = 60;

type CreateAttempt = CreateVerdict | { kind: 'notSent'; retryAfterSeconds: number };

/** A verdict with what the answer carried beside its body. */
interface Attempt {
  verdict: CreateAttempt;
  requestId: string | undefined;
  retryAfterSeconds: number | undefined;
}

/** What the data source needs to do its work. */
export interface DliClientOptions {
  transport: Transport;
  authenticator: Authenticator;
  /** Base address of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  log: DliLog;
}

/** Huawei Cloud Data Lake Insight: its classic datasource connections, one method per operation. */
export class DliClient {
  readonly #options: DliClientOptions;

  constructor(options: DliClientOptions) {
    this.#options = options;
  }

  /**
   * Creates one connection by at most one executed request: a second one is sent only after DLI
   * proved that it refused the first for its token.
   *
   * @throws {DliError} with every code; all but OUTCOME_UNKNOWN prove that nothing was created
   */
  async createConnection(request: ConnectionRequest, deadline: Deadline): Promise<CreatedConnection> {
    const body = JSON.stringify(toWireRequest(request));
    const authentication = await this.#authenticate(deadline);
    let attempt = await this.#attemptCreate(body, authentication, deadline);
    if (wasRefusedForAuthentication(attempt) && this.#options.authenticator.discard(authentication)) {
      attempt = await this.#attemptCreate(body, await this.#authenticate(deadline), deadline);
    }
    const { verdict } = attempt;
    if (verdict.kind === 'created')
      return { id: verdict.connectionId, message: shownMessage(verdict.message) };
    if (verdict.kind === 'unsuccessful') throw await this.#judgeUnsuccessful(request.name, attempt, deadline);
    throw toDliError(attempt, verdict);
  }

  async #authenticate(deadline: Deadline): Promise<Authentication> {
    try {
      return await this.#options.authenticator.authenticate(deadline);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const code = error.failure === 'REFUSED' ? 'AUTH_FAILED' : 'AUTH_UNAVAILABLE';
      this.#options.log.warn(
        {
          operation: 'createConnection',
          outcome: code,
          durationMs: 0,
          mayHaveBeenSent: false,
          detail: error.message,
        },
        'no authentication for DLI',
      );
      throw new DliError(code, { retryAfterSeconds: error.retryAfterSeconds });
    }
  }

  async #attemptCreate(body: string, authentication: Authentication, deadline: Deadline): Promise<Attempt> {
    const { clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let record: Partial<DliCallRecord>;
    let attempt: Attempt;
    try {
      const answer = await this.#send('POST', body, MAX_CREATE_ANSWER_BYTES, authentication, deadline);
      const verdict = readCreateAnswer(answer.status, answer.text);
      const requestId = requestIdOf(answer);
      attempt = {
        verdict,
        requestId,
        retryAfterSeconds: retryAfterSeconds(answer.header('retry-after'), clock.epochMs()),
      };
      record = { status: answer.status, requestId, mayHaveBeenSent: true };
    } catch (error) {
      const verdict = judgeFailure(error);
      attempt = { verdict, requestId: undefined, retryAfterSeconds: undefined };
      const detail = error instanceof TransportError ? error.failure : errorNameOf(error);
      const causeCode = error instanceof TransportError ? error.causeCode : undefined;
      record = { mayHaveBeenSent: verdict.kind !== 'notSent', detail, causeCode };
    }
    const { verdict } = attempt;
    log[verdict.kind === 'created' ? 'info' : 'warn'](
      {
        ...record,
        operation: 'createConnection',
        outcome: outcomeOf(verdict),
        upstreamCode: 'upstreamCode' in verdict ? verdict.upstreamCode : undefined,
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        mayHaveBeenSent: record.mayHaveBeenSent ?? true,
      },
      'DLI answered a create',
    );
    return attempt;
  }

  // A 2xx that says "failed" proves a no only when the connection is not there either.
  async #judgeUnsuccessful(name: string, attempt: Attempt, deadline: Deadline): Promise<DliError> {
    const { requestId } = attempt;
    const unknown = new DliError('OUTCOME_UNKNOWN', { requestId, unknownReason: 'UNREADABLE_RESPONSE' });
    try {
      const authentication = await this.#authenticate(deadline);
      const answer = await this.#send('GET', undefined, MAX_LIST_ANSWER_BYTES, authentication, deadline);
      const connections = readConnectionList(answer.status, answer.text);
      const isAbsent = connections?.every(
        connection => connection.name !== name || connection.state === 'DELETED',
      );
      return isAbsent ? new DliError('REJECTED', { requestId }) : unknown;
    } catch {
      // The create is what the caller asked about; that the list failed too changes nothing for them.
      return unknown;
    }
  }

  #send(
    method: 'GET' | 'POST',
    body: string | undefined,
    maxBodyBytes: number,
    authentication: Authentication,
    deadline: Deadline,
  ): Promise<UpstreamAnswer> {
    const { transport, endpoint } = this.#options;
    const url = new URL(
      `/v2.0/${encodeURIComponent(authentication.projectId)}/datasource-connection`,
      endpoint,
    );
    const headers = authentication.headersFor({ method, url, body: body ?? '' });
    return transport.send({
      method,
      url,
      headers,
      deadline,
      maxBodyBytes,
      ...(body === undefined ? {} : { body }),
    });
  }
}

function toWireRequest({
  name,
  service,
  securityGroupId,
  networkId,
  url,
  clusterName,
  tags,
}: ConnectionRequest) {
  return {
    name,
    service: WIRE_NAME_OF_SERVICE[service],
    security_group_id: securityGroupId,
    network_id: networkId,
    url,
    cluster_name: clusterName,
    tags: tags?.length ? tags.map(({ key, value }) => ({ key, value })) : undefined,
  };
}

function judgeFailure(error: unknown): CreateAttempt {
  if (!(error instanceof TransportError)) return unknownVerdict('UNREADABLE_RESPONSE');
  if (!error.mayHaveBeenSent) {
    return {
      kind: 'notSent',
      retryAfterSeconds: error.failure === 'OVERLOADED' ? 1 : RETRY_AFTER_UNREACHABLE_SECONDS,
    };
  }
  if (error.failure === 'TIMEOUT') return unknownVerdict('TIMEOUT_AFTER_SEND');
  return unknownVerdict(error.failure === 'CONNECTION_LOST' ? 'CONNECTION_LOST' : 'UNREADABLE_RESPONSE');
}

function unknownVerdict(reason: UnknownReason): CreateVerdict {
  return { kind: 'unknown', reason, upstreamCode: undefined };
}

function wasRefusedForAuthentication({ verdict }: Attempt): boolean {
  return verdict.kind === 'refused' && verdict.refusal === 'AUTH';
}

function toDliError(
  attempt: Attempt,
  verdict: Exclude<CreateAttempt, { kind: 'created' | 'unsuccessful' }>,
): DliError {
  if (verdict.kind === 'notSent') {
    return new DliError('UNAVAILABLE', { retryAfterSeconds: verdict.retryAfterSeconds });
  }
  const { requestId } = attempt;
  const { upstreamCode } = verdict;
  if (verdict.kind === 'unknown') {
    return new DliError('OUTCOME_UNKNOWN', { requestId, upstreamCode, unknownReason: verdict.reason });
  }
  const code = verdict.refusal === 'AUTH' ? 'AUTH_FAILED' : verdict.refusal;
  const retryAfter = code === 'AUTH_FAILED' ? RETRY_AFTER_AUTH_FAILED_SECONDS : attempt.retryAfterSeconds;
  return new DliError(code, { requestId, upstreamCode, retryAfterSeconds: retryAfter });
}

function outcomeOf(verdict: CreateAttempt): string {
  if (verdict.kind === 'refused') return verdict.refusal;
  return verdict.kind === 'unknown' ? verdict.reason : verdict.kind;
}

// An id of unusual form is not passed on: it may be anything.
function requestIdOf(answer: UpstreamAnswer): string | undefined {
  const id = answer.header('x-request-id');
  return id !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(id) ? id : undefined;
}

function errorNameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
