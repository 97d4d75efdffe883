/** A resource tag of a connection. */
export interface ConnectionTag {
  readonly key: string;
  readonly value: string;
}

/** A connection as it stands at one moment. Deleted ones are kept as tombstones in state `DELETED`. */
export interface StoredConnection {
  readonly connectionId: string;
  readonly projectId: string;
  readonly name: string;
  /** The canonical spelling, whatever the caller wrote. */
  readonly service: string;
  /** The `url` of the create call. */
  readonly destination: string;
  readonly securityGroupId: string;
  readonly networkId: string;
  /** Empty when the create call gave none. */
  readonly clusterName: string;
  readonly tags: readonly ConnectionTag[];
  readonly createdAtMs: number;
  readonly deletedAtMs: number | undefined;
  /** When its state last changed. */
  readonly updatedAtMs: number;
  /** `CREATING`, `ACTIVE`, `FAILED` or `DELETED`; a seeded connection may be in any other. */
  readonly state: string;
  /** Progress of the creation, 0 to 1. */
  readonly process: number;
  /** Empty until the connection is active. */
  readonly connectionUrl: string;
  /** Why the creation failed; else empty. */
  readonly message: string;
  /** Names of the bound queues. */
  readonly queues: readonly string[];
}
