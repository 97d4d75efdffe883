import type { KyInstance } from 'ky';
import type { Authenticator, CredentialVerdict } from '../huawei-cloud/authentication.js';
import type { Clock } from '../huawei-cloud/clock.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { CallOptions } from '../huawei-cloud/http-client.js';
import { createHttpClient } from '../huawei-cloud/http-client.js';
import type { Transport } from '../huawei-cloud/transport.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { ConnectionRequest, ConnectionTag, CreatedConnection } from './connection.js';
import type { ConnectionList, ListedConnection } from './connection-list.js';
import { readConnectionList } from './connection-list.js';
import { toDliError } from './create-attempt.js';
import { CreateSender } from './create-sender.js';
import { WIRE_NAME_OF_SERVICE } from './datasource-service.js';
import { DliError } from './dli-error.js';
import type { DliLog } from './dli-log.js';
import type { OperationScope } from './operation-scope.js';
import { shownMessage } from './shown-message.js';
import { signIn } from './sign-in.js';

const MAX_LIST_ANSWER_BYTES = 16 * 1024 * 1024;

/** What the data source needs to do its work. */
export interface DliClientOptions {
  /** Carries creates. */
  transport: Transport;
  /** Carries reads, apart, so that neither can starve the other. */
  readTransport: Transport;
  authenticator: Authenticator;
  /** Base address of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  /** What both transports have learnt about DLI's clock. */
  skew: ClockSkew;
  log: DliLog;
}

/** Huawei Cloud Data Lake Insight: its classic datasource connections, one method per operation. */
export class DliClient {
  readonly #options: DliClientOptions;
  readonly #http: KyInstance;
  readonly #creates: CreateSender;
  #collection: { projectId: string; url: URL } | undefined;

  constructor(options: DliClientOptions) {
    this.#options = options;
    this.#http = createHttpClient(options.readTransport);
    this.#creates = new CreateSender({ ...options, urlOf: projectId => this.#collectionUrl(projectId) });
    options.authenticator.onStop(retryAfterSeconds => {
      options.log.warn(
        { operation: 'authenticate', outcome: 'CREDENTIAL_STOPPED', retryAfterSeconds },
        'credential put aside',
      );
    });
  }

  /**
   * Creates one connection by at most one executed request: a second one is sent only when the first is proven
   * not to have been executed, and a third never.
   *
   * @throws {DliError} with every code; all but OUTCOME_UNKNOWN prove that nothing was created
   */
  async createConnection(request: ConnectionRequest, scope: OperationScope): Promise<CreatedConnection> {
    const body = JSON.stringify(toWireRequest(request));
    const attempt = await this.#creates.send(body, scope);
    const { verdict } = attempt;
    if (verdict.kind === 'created')
      return { id: verdict.connectionId, message: shownMessage(verdict.message) };
    throw toDliError(attempt);
  }

  /**
   * Every connection that DLI lists, deleted ones included, in one call.
   *
   * @param tag asks for those with this tag only; DLI may ignore it or refuse the call
   * @throws {DliError} UNAVAILABLE when there is no complete, readable list; AUTH_FAILED or AUTH_UNAVAILABLE
   */
  async listConnections(scope: OperationScope, tag?: ConnectionTag): Promise<ConnectionList> {
    const { skew, authenticator, log } = this.#options;
    const credential = await signIn(authenticator, log, scope);
    const url = new URL(this.#collectionUrl(credential.projectId));
    if (tag !== undefined) url.searchParams.set('tags', `${tag.key}=${tag.value}`);
    let connections: ListedConnection[] | undefined;
    let verdict: CredentialVerdict = 'UNPROVEN';
    try {
      const response = await this.#http(url, {
        headers: credential.headersFor({ method: 'GET', url, body: '' }),
        limits: { deadline: scope.deadline, maxBodyBytes: MAX_LIST_ANSWER_BYTES },
      } as CallOptions);
      connections = readConnectionList(response.status, await response.text());
      if (response.status === 401) verdict = 'REFUSED';
      else if (connections !== undefined) verdict = 'ACCEPTED';
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    } finally {
      credential.settle(verdict);
    }
    if (connections === undefined) throw new DliError('UNAVAILABLE', { retryAfterSeconds: 1 });
    return { connections, skew: skew.bounds };
  }

  #collectionUrl(projectId: string): URL {
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
