import type { KyInstance } from 'ky';
import type { Authentication, Authenticator } from '../huawei-cloud/authentication.js';
import { AuthenticationError } from '../huawei-cloud/authentication.js';
import type { Clock } from '../huawei-cloud/clock.js';
import type { CallOptions } from '../huawei-cloud/http-client.js';
import { createHttpClient } from '../huawei-cloud/http-client.js';
import type { Transport } from '../huawei-cloud/transport.js';
import type { ConnectionRequest, CreatedConnection } from './connection.js';
import { readConnectionList } from './connection-list.js';
import type { CreateAttempt } from './create-attempt.js';
import {
  answeredAttempt,
  failedAttempt,
  recordOf,
  toDliError,
  wasRefusedForAuthentication,
} from './create-attempt.js';
import { WIRE_NAME_OF_SERVICE } from './datasource-service.js';
import { DliError } from './dli-error.js';
import type { DliLog } from './dli-log.js';
import type { OperationScope } from './operation-scope.js';
import { shownMessage } from './shown-message.js';

const MAX_CREATE_ANSWER_BYTES = 1024 * 1024;
const MAX_LIST_ANSWER_BYTES = 16 * 1024 * 1024;

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
  readonly #http: KyInstance;
  #collection: { projectId: string; url: URL } | undefined;

  constructor(options: DliClientOptions) {
    this.#options = options;
    this.#http = createHttpClient(options.transport);
  }

  /**
   * Creates one connection by at most one executed request: a second one is sent only after DLI
   * proved that it refused the first for its token.
   *
   * @throws {DliError} with every code; all but OUTCOME_UNKNOWN prove that nothing was created
   */
  async createConnection(request: ConnectionRequest, scope: OperationScope): Promise<CreatedConnection> {
    const body = JSON.stringify(toWireRequest(request));
    const authentication = await this.#authenticate(scope);
    let attempt = await this.#attemptCreate(body, authentication, scope);
    if (wasRefusedForAuthentication(attempt) && this.#options.authenticator.discard(authentication)) {
      attempt = await this.#attemptCreate(body, await this.#authenticate(scope), scope);
    }
    const { verdict } = attempt;
    if (verdict.kind === 'created')
      return { id: verdict.connectionId, message: shownMessage(verdict.message) };
    if (verdict.kind === 'unsuccessful' && (await this.#isAbsent(request.name, scope))) {
      throw new DliError('REJECTED', { requestId: attempt.requestId });
    }
    throw toDliError(attempt);
  }

  async #authenticate({ deadline, traceId }: OperationScope): Promise<Authentication> {
    try {
      return await this.#options.authenticator.authenticate(deadline);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const outcome = error.failure === 'REFUSED' ? 'AUTH_FAILED' : 'AUTH_UNAVAILABLE';
      this.#options.log.warn(
        {
          traceId,
          operation: 'authenticate',
          outcome,
          durationMs: 0,
          mayHaveBeenSent: false,
          detail: error.message,
        },
        'no authentication for DLI',
      );
      throw new DliError(outcome, { retryAfterSeconds: error.retryAfterSeconds });
    }
  }

  async #attemptCreate(
    body: string,
    authentication: Authentication,
    scope: OperationScope,
  ): Promise<CreateAttempt> {
    const { transport, clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let attempt: CreateAttempt;
    try {
      const url = this.#collectionUrl(authentication);
      const answer = await transport.send({
        method: 'POST',
        url,
        headers: authentication.headersFor({ method: 'POST', url, body }),
        body,
        deadline: scope.deadline,
        maxBodyBytes: MAX_CREATE_ANSWER_BYTES,
      });
      attempt = answeredAttempt(answer, authentication.projectId, clock.epochMs());
    } catch (error) {
      attempt = failedAttempt(error);
    }
    const record = recordOf(attempt, scope.traceId, clock.monotonicMs() - startedMs);
    log[attempt.verdict.kind === 'created' ? 'info' : 'warn'](record, 'create attempted');
    return attempt;
  }

  // A list that cannot be had or read proves nothing, and neither does one with a nameless connection.
  async #isAbsent(name: string, scope: OperationScope): Promise<boolean> {
    try {
      const authentication = await this.#authenticate(scope);
      const url = this.#collectionUrl(authentication);
      const response = await this.#http(url, {
        headers: authentication.headersFor({ method: 'GET', url, body: '' }),
        limits: { deadline: scope.deadline, maxBodyBytes: MAX_LIST_ANSWER_BYTES },
      } as CallOptions);
      const connections = readConnectionList(response.status, await response.text());
      return (
        connections?.every(
          connection =>
            connection.state === 'DELETED' || (connection.name !== null && connection.name !== name),
        ) ?? false
      );
    } catch {
      return false;
    }
  }

  #collectionUrl({ projectId }: Authentication): URL {
    if (this.#collection?.projectId !== projectId) {
      const path = `/v2.0/${encodeURIComponent(projectId)}/datasource-connection`;
      this.#collection = { projectId, url: new URL(path, this.#options.endpoint) };
    }
    return this.#collection.url;
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
