import type { ConnectionKind, Deletion } from './connection.js';
import type { DliError, OperationContext } from './dli-error.js';
import type { ConnectionList, DescribedConnection } from './responses.js';

/** The connections of both kinds. */
export interface BothLists extends ConnectionList {
  /** The kinds that could not be listed, with the reason. Never both. */
  failures: ReadonlyMap<ConnectionKind, DliError>;
}

/**
 * Reads and deletes connections of either kind by their id. The kind of an id is found by asking, and remembered: ids are
 * UUIDs that are never used again.
 */
export interface ConnectionsClient {
  /**
   * One connection, possibly in state DELETED. Undefined only when DLI says of both kinds that it has none with this id,
   * or does not offer the kind.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   */
  getConnection(id: string, context: OperationContext): Promise<DescribedConnection | undefined>;

  /** {@link getConnection} on the transport of changes, so that reads cannot delay it. */
  getForChange(id: string, context: OperationContext): Promise<DescribedConnection | undefined>;

  /**
   * All connections that DLI lists, deleted ones included.
   *
   * @throws {DliError} when neither kind can be listed
   */
  listConnections(context: OperationContext): Promise<BothLists>;

  /**
   * Deletes one connection of a known kind. Idempotent, because DLI never reuses an id.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} REJECTED also while DLI is still creating it, or one of its bindings
   */
  deleteConnection(kind: ConnectionKind, id: string, context: OperationContext): Promise<Deletion>;

  /** Notes the kind of a connection that was created here. */
  remember(id: string, kind: ConnectionKind): void;
}
