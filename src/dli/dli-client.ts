import type { AuthenticationFailure, Authenticator } from '../huawei-cloud/authenticator.js';
import { AuthenticationError } from '../huawei-cloud/authenticator.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { Transport } from '../huawei-cloud/transport.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Clock } from '../lib/time.js';
import { withTimeout } from '../lib/time.js';
import type { ClassicConnectionRequest, ConnectionRequest, ConnectionTag, Deletion } from './connection.js';
import { WIRE_NAME_OF_SERVICE } from './connection.js';
import type { CreateResult } from './create-attempt.js';
import type { PreparedCreate } from './create-request.js';
import { CreateRequests } from './create-request.js';
import type { DecodedElements } from './decoded-elements.js';
import type { DliErrorCode, DliLog, FailedResult, OperationContext } from './dli-error.js';
import { DliError, failedResult } from './dli-error.js';
import type { ConnectionList, DescribedConnection } from './responses.js';
import { isNotFound, mayMeanAbsence, readConnection, readConnectionList, readDeletion } from './responses.js';
import type { SignIn } from './safe-request.js';
import { SafeRequests } from './safe-request.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readErrorBody } from './sanitize.js';
import { SharedList } from './shared-list.js';

const MAX_RESPONSE_BYTES = 1024 * 1024;
const MAX_LIST_RESPONSE_BYTES = 16 * 1024 * 1024;

const CODE_OF_FAILURE: Readonly<Record<AuthenticationFailure, DliErrorCode>> = {
  CREDENTIAL_REFUSED: 'AUTH_FAILED',
  REFUSED: 'AUTH_FAILED',
  UNAVAILABLE: 'AUTH_UNAVAILABLE',
  // IAM works, but DLI has not answered the probe.
  PROBE_TIMEOUT: 'UNAVAILABLE',
};

interface Dependencies {
  /** For creates. */
  transport: Transport;
  /** For reads and watches. Separate transports keep one kind of request from starving another. */
  readTransport: Transport;
  /** For deletes and their presence checks. */
  deletionTransport: Transport;
  /** For the list reads of reconciliation. */
  reconciliationTransport: Transport;
  authenticator: Authenticator;
  /** Base URL of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  /** Bounds on the skew of DLI's clock, estimated by the transports. */
  skew: ClockSkew;
  log: DliLog;
  /** Limits the log lines that every response may cause. */
  sampler: LogSampler;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
}

/** A filter of lists. Only lists of enhanced connections can be filtered by name. */
export interface ListFilter {
  tag?: ConnectionTag | undefined;
  /** The whole name. */
  name?: string | undefined;
}

/** Client of the classic datasource connections of Huawei Cloud DLI: create, get, list and delete. */
export class DliClient {
  readonly #reads: SafeRequests;
  readonly #deletions: SafeRequests;
  readonly #reconciliation: SafeRequests;
  readonly #creates: CreateRequests;
  /** Decides about refused gets. On the transport of deletes, so that other reads cannot delay it. */
  readonly #sharedList: SharedList;
  #collection: { projectId: string; url: URL } | undefined;

  constructor(private readonly dependencies: Dependencies) {
    const { clock, log, sampler, confidential } = dependencies;
    const { transport, readTransport, deletionTransport, reconciliationTransport } = dependencies;
    const shared = { clock, log, sampler, confidential, signIn: this.#signIn, urlOf: this.#collectionUrl };
    this.#reads = new SafeRequests({ ...shared, transport: readTransport, maxTries: 2 });
    this.#deletions = new SafeRequests({ ...shared, transport: deletionTransport, maxTries: 2 });
    this.#sharedList = new SharedList(clock, context => this.#list(this.#deletions, context));
    this.#reconciliation = new SafeRequests({ ...shared, transport: reconciliationTransport, maxTries: 1 });
    this.#creates = new CreateRequests({ ...shared, transport });
  }

  /**
   * Does everything of a create that can wait or fail before a byte is sent. The prepared create must be passed to
   * {@link createConnection} or released.
   *
   * @returns AUTH_FAILED, AUTH_UNAVAILABLE or UNAVAILABLE when it failed
   */
  prepareCreate(context: OperationContext): Promise<PreparedCreate | FailedResult> {
    return this.#creates.prepare(context);
  }

  /**
   * Creates one connection. A second request is sent only when DLI is proven not to have executed the first, and a
   * third never.
   */
  createConnection(
    request: ConnectionRequest,
    prepared: PreparedCreate,
    context: OperationContext,
  ): Promise<CreateResult> {
    return this.#creates.send(JSON.stringify(toWireRequest(request as ClassicConnectionRequest)), prepared, context);
  }

  /**
   * One connection, possibly in state DELETED. Undefined when DLI has none with this id.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   */
  async getConnection(id: string, context: OperationContext): Promise<DescribedConnection | undefined> {
    return this.#get(this.#reads, id, context);
  }

  /**
   * {@link getConnection} on the transport of deletes, so that reads cannot delay it.
   *
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async getForDeletion(id: string, context: OperationContext): Promise<DescribedConnection | undefined> {
    return this.#get(this.#deletions, id, context);
  }

  /**
   * All connections that DLI lists, deleted ones included.
   *
   * @param decoded the elements of the latest list; those that have not changed are not decoded again
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async listConnections(context: OperationContext, decoded: DecodedElements): Promise<ConnectionList> {
    return this.#list(this.#reads, context, { decoded });
  }

  /**
   * {@link listConnections} for reconciliation: on a transport of its own, without a retry.
   *
   * @param filter by a tag or a name; DLI may ignore it or refuse the request
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async listForReconciliation(context: OperationContext, filter: ListFilter = {}): Promise<ConnectionList> {
    return this.#list(this.#reconciliation, context, filter);
  }

  /**
   * Deletes one connection. Idempotent, because DLI never reuses an id.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} as {@link DliClient.getConnection}; REJECTED also while DLI is still creating it
   */
  async deleteConnection(id: string, context: OperationContext): Promise<Deletion> {
    const { clock, log } = this.dependencies;
    const startedMs = clock.monotonicMs();
    const deletion: Deletion = await this.#deletions.send(
      { operation: 'deleteConnection', method: 'DELETE', path: pathOf(id), maxBodyBytes: MAX_RESPONSE_BYTES },
      context,
      response => {
        const { status, text, requestId, confidential } = response;
        const kind = isNotFound(response) ? 'notFound' : readDeletion(response);
        if (kind === 'unsuccessful') {
          const { upstreamMessage } = readErrorBody(status, text, confidential);
          return { kind, requestId, upstreamMessage };
        }
        return kind && { kind, requestId };
      },
    );
    const { kind, requestId, upstreamMessage } = deletion;
    if (kind === 'unsuccessful') {
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      const call = { traceId: context.traceId, operation: 'deleteConnection', mayHaveBeenSent: true } as const;
      log.warn({ ...call, outcome: kind, durationMs, requestId, upstreamMessage }, 'call to DLI failed');
    }
    return deletion;
  }

  readonly #signIn: SignIn = async ({ deadline, traceId }) => {
    const { authenticator, log } = this.dependencies;
    try {
      return await authenticator.authenticate(deadline);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const outcome = CODE_OF_FAILURE[error.failure];
      const { message: detail, retryAfterSeconds } = error;
      log.warn(
        { traceId, operation: 'authenticate', outcome, durationMs: 0, mayHaveBeenSent: false, detail },
        'no authentication for DLI',
      );
      return failedResult(outcome, { retryAfterSeconds });
    }
  };

  async #get(requests: SafeRequests, id: string, context: OperationContext): Promise<DescribedConnection | undefined> {
    try {
      const found = await requests.send(
        { operation: 'getConnection', method: 'GET', path: pathOf(id), maxBodyBytes: MAX_RESPONSE_BYTES },
        context,
        response => (isNotFound(response) ? 'notFound' : readConnection(response, id)),
      );
      return found === 'notFound' ? undefined : found;
    } catch (error) {
      if (!(error instanceof DliError && mayMeanAbsence(error))) throw error;
      return this.#findInList(id, context, error);
    }
  }

  /**
   * The connection of a refused get.
   *
   * @throws {DliError} `refusal` when the list is incomplete or cannot be read before the deadline
   */
  async #findInList(
    id: string,
    context: OperationContext,
    refusal: DliError,
  ): Promise<DescribedConnection | undefined> {
    const { traceId, deadline, onSharedWait } = context;
    onSharedWait?.();
    try {
      const { connections } = await withTimeout(deadline.remainingMs(), this.#sharedList.readNext(traceId), () => {
        throw refusal;
      });
      const found = connections.find(connection => connection.id?.toLowerCase() === id.toLowerCase());
      if (found === undefined && connections.some(connection => connection.id === null)) throw refusal;
      return found && { ...found, id };
    } catch (error) {
      throw error instanceof DliError ? refusal : error;
    }
  }

  async #list(
    requests: SafeRequests,
    context: OperationContext,
    { tag, decoded }: { tag?: ConnectionTag | undefined; decoded?: DecodedElements } = {},
  ): Promise<ConnectionList> {
    const path = tag === undefined ? '' : `?${new URLSearchParams({ tags: `${tag.key}=${tag.value}` })}`;
    const connections = await requests.send(
      { operation: 'listConnections', method: 'GET', path, maxBodyBytes: MAX_LIST_RESPONSE_BYTES },
      context,
      response => readConnectionList(response, decoded),
    );
    return { connections, skew: this.dependencies.skew.bounds };
  }

  readonly #collectionUrl = (projectId: string): URL => {
    if (this.#collection?.projectId !== projectId) {
      const path = `/v2.0/${encodeURIComponent(projectId)}/datasource-connection`;
      this.#collection = { projectId, url: new URL(path, this.dependencies.endpoint) };
    }
    return this.#collection.url;
  };
}

function pathOf(id: string): string {
  return `/${encodeURIComponent(id)}`;
}

function toWireRequest({
  name,
  service,
  securityGroupId,
  networkId,
  url,
  clusterName,
  tags,
}: ClassicConnectionRequest) {
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
