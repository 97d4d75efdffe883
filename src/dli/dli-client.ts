import type { AuthenticationFailure, Authenticator } from '../huawei-cloud/authenticator.js';
import { AuthenticationError } from '../huawei-cloud/authenticator.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { Clock } from '../lib/time.js';
import { withTimeout } from '../lib/time.js';
import type { ConnectionRequest, ConnectionTag, Deletion } from './connection.js';
import type { ConnectionApi, ListOptions } from './connection-api.js';
import type { CreateResult } from './create-attempt.js';
import type { CreateRequests, PreparedCreate } from './create-request.js';
import type { DecodedElements } from './decoded-elements.js';
import type { DliErrorCode, DliLog, FailedResult, OperationContext } from './dli-error.js';
import { DliError, failedResult } from './dli-error.js';
import type { AcquireCredential, RepeatableRequests } from './repeatable-request.js';
import type { ConnectionList, DescribedConnection } from './responses.js';
import {
  MAX_LIST_RESPONSE_BYTES,
  MAX_RESPONSE_BYTES,
  mayMeanAbsence,
  readChange,
  readConnection,
} from './responses.js';
import { sendChange } from './send-change.js';
import { SharedList } from './shared-list.js';

const CODE_OF_FAILURE: Readonly<Record<AuthenticationFailure, DliErrorCode>> = {
  CREDENTIAL_REFUSED: 'AUTH_FAILED',
  REFUSED: 'AUTH_FAILED',
  UNAVAILABLE: 'AUTH_UNAVAILABLE',
  // IAM works, but DLI has not answered the probe.
  PROBE_TIMEOUT: 'UNAVAILABLE',
};

/** Creates the function that acquires credentials for requests to DLI. */
export function createCredentialAcquirer(authenticator: Authenticator, clock: Clock, log: DliLog): AcquireCredential {
  return async ({ deadline, trace }) => {
    const startedMs = clock.monotonicMs();
    try {
      return await authenticator.authenticate(deadline, trace);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const outcome = CODE_OF_FAILURE[error.failure];
      const { message: detail, retryAfterSeconds } = error;
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      log.warn(
        { ...trace, operation: 'authenticate', outcome, durationMs, mayHaveBeenSent: false, detail },
        'no authentication for DLI',
      );
      return failedResult(outcome, { retryAfterSeconds });
    }
  };
}

/** The requests to DLI by purpose. Each has a transport of its own, so that one kind cannot starve another. */
export interface DliRequests {
  creates: CreateRequests;
  /** For reads and watches. */
  reads: RepeatableRequests;
  /** For deletes, binds, unbinds and the reads that they need. */
  changes: RepeatableRequests;
  /** For the list reads of reconciliation; without a retry. */
  reconciliation: RepeatableRequests;
}

interface Dependencies {
  requests: DliRequests;
  clock: Clock;
  /** Bounds on the skew of DLI's clock, estimated by the transports. */
  skew: ClockSkew;
}

/** A filter of lists. Only lists of enhanced connections can be filtered by name. */
export interface ListFilter {
  tag?: ConnectionTag | undefined;
  /** The whole name. */
  name?: string | undefined;
}

/** The purpose of a read, which selects its transport. */
export type ReadPurpose = 'reads' | 'changes';

/** Client of one kind of datasource connections of Huawei Cloud DLI: create, get, list and delete. */
export class DliClient {
  /** Decides what refused gets mean. Uses the transport of changes, so that other reads cannot delay it. */
  readonly #sharedList: SharedList;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly api: ConnectionApi,
  ) {
    this.#sharedList = new SharedList(dependencies.clock, context =>
      this.#list(dependencies.requests.changes, context, {}),
    );
  }

  /**
   * Does the part of a create that can wait or fail before a byte is sent. The prepared create must be passed to
   * {@link createConnection} or released.
   *
   * @returns AUTH_FAILED, AUTH_UNAVAILABLE or UNAVAILABLE when it failed
   */
  prepareCreate(context: OperationContext): Promise<PreparedCreate | FailedResult> {
    return this.dependencies.requests.creates.prepare(this.api.operations.create, context);
  }

  /**
   * Creates one connection. A second request is sent only when DLI is proven not to have executed the first, and a
   * third never.
   *
   * @param request of this client's kind
   */
  createConnection(
    request: ConnectionRequest,
    prepared: PreparedCreate,
    context: OperationContext,
  ): Promise<CreateResult> {
    const { operations, collection } = this.api;
    const target = { operation: operations.create, pathOf: (projectId: string) => pathOf(projectId, collection) };
    return this.dependencies.requests.creates.send(target, request, prepared, context);
  }

  /**
   * Reads one connection, possibly in state DELETED, with a single get. Undefined when DLI has none with this id. A
   * refusal may mean the same, see {@link findInList}.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   */
  async getConnection(
    id: string,
    purpose: ReadPurpose,
    context: OperationContext,
  ): Promise<DescribedConnection | undefined> {
    const { operations, decoder, createFilter, isNotFound } = this.api;
    const found = await this.dependencies.requests[purpose].send(
      {
        operation: operations.get,
        method: 'GET',
        pathOf: projectId => pathOf(projectId, this.api.collection, id),
        maxBodyBytes: MAX_RESPONSE_BYTES,
        createFilter,
      },
      context,
      response => (isNotFound(response) ? 'notFound' : readConnection(response, decoder, id)),
    );
    return found === 'notFound' ? undefined : found;
  }

  /**
   * Looks the connection of a refused get up in DLI's list, if the refusal may mean that it does not exist.
   *
   * @throws {DliError} `refusal` when the list is incomplete or cannot be read before the deadline
   */
  async findInList(id: string, context: OperationContext, refusal: DliError): Promise<DescribedConnection | undefined> {
    if (!mayMeanAbsence(refusal) && !refusal.isNotOffered) throw refusal;
    const { trace, deadline, onSharedWait } = context;
    onSharedWait?.();
    try {
      const { connections } = await withTimeout(deadline.remainingMs(), this.#sharedList.readNext(trace), () => {
        throw refusal;
      });
      // The list can be read, so DLI does offer this kind of connection, and its refusal proves nothing.
      if (refusal.isNotOffered) throw refusal;
      const found = connections.find(connection => connection.id?.toLowerCase() === id.toLowerCase());
      if (found === undefined && connections.some(connection => connection.id === null)) throw refusal;
      return found && { ...found, id };
    } catch (error) {
      throw error instanceof DliError && !error.isNotOffered ? refusal : error;
    }
  }

  /**
   * All connections that DLI lists, deleted ones included.
   *
   * @param decoded the elements of the latest list; those that have not changed are not decoded again
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async listConnections(context: OperationContext, decoded?: DecodedElements): Promise<ConnectionList> {
    return this.#list(this.dependencies.requests.reads, context, { decoded });
  }

  /**
   * {@link listConnections} for reconciliation: on a transport of its own, without a retry. Deleted connections may be
   * missing.
   *
   * @param filter by a tag or a name; DLI may ignore it or refuse the request
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async listForReconciliation(context: OperationContext, filter: ListFilter = {}): Promise<ConnectionList> {
    return this.#list(this.dependencies.requests.reconciliation, context, { ...filter, isLiveOnly: true });
  }

  /**
   * Deletes one connection. Idempotent, because DLI never reuses an id.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} as {@link DliClient.getConnection}; REJECTED also while DLI is still creating it
   */
  async deleteConnection(id: string, context: OperationContext): Promise<Deletion> {
    const { kind, ...details } = await sendChange(
      this.dependencies.requests.changes,
      {
        operation: this.api.operations.delete,
        method: 'DELETE',
        pathOf: projectId => pathOf(projectId, this.api.collection, id),
        maxBodyBytes: MAX_RESPONSE_BYTES,
      },
      context,
      response => (this.api.isNotFound(response) ? 'notFound' : readChange(response)),
    );
    return { kind: kind === 'done' ? 'deleted' : kind, ...details };
  }

  async #list(requests: RepeatableRequests, context: OperationContext, options: ListOptions): Promise<ConnectionList> {
    const { operations, collection, createFilter, list } = this.api;
    const connections = await list(
      (query, decode) =>
        requests.send(
          {
            operation: operations.list,
            method: 'GET',
            pathOf: projectId => withQuery(pathOf(projectId, collection), query),
            maxBodyBytes: MAX_LIST_RESPONSE_BYTES,
            createFilter,
            isCollection: true,
          },
          context,
          decode,
        ),
      options,
    );
    return { connections, skew: this.dependencies.skew.bounds };
  }
}

/**
 * A path of DLI's API for connections.
 *
 * @param rest the segments after the collection, such as an id
 */
export function pathOf(projectId: string, collection: string, ...rest: string[]): string {
  return `/v2.0/${encodeURIComponent(projectId)}/${[collection, ...rest.map(encodeURIComponent)].join('/')}`;
}

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}
