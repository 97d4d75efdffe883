import type { FindResult, UnfinishedRecord } from './operation-record.js';
import type { OperationRecord, SendingRecord } from './record-format.js';

/** The result of {@link OperationStore.begin}. */
export type BeginResult =
  /**
   * The record is durable: the request may be sent.
   *
   * `hasLostRecords`: the store lost records within their retention, so an unknown id does not prove that nothing
   * was sent.
   */
  | { kind: 'begun'; hasLostRecords: boolean }
  /** The store lost its data and has another secret than the one that keyed the record. */
  | { kind: 'secretReplaced' }
  /** A record with this id exists. */
  | { kind: 'exists'; record: OperationRecord }
  /** Another open record holds the name. */
  | { kind: 'nameHeld'; record: OperationRecord }
  /** The entry of the id or of the name is not a record that this version understands. */
  | { kind: 'unreadable' };

/**
 * Durable store of operation records: a folder for one machine, or Redis for several.
 *
 * Every write is atomic, and durable when its promise resolves. Times come from the caller. All methods throw
 * {@link StoreUnavailableError}. Any other error is a bug; see {@link mayHaveWritten}.
 */
export interface OperationStore {
  /**
   * A random secret of 32 bytes, created at first use and shared by all users of the store. Not cached, because a store
   * that lost its data has another one.
   */
  secret(): Promise<Buffer>;

  /** The unexpired record of this id. */
  find(id: string, nowMs: number): Promise<FindResult>;

  /** Stores a new record in state SENDING, unless its id exists or its name is held. */
  begin(record: SendingRecord, nowMs: number): Promise<BeginResult>;

  /**
   * Replaces a record if its owner still owns it, and frees its name unless the new version is open. A success claims
   * its connection in any case, unless another record has, so that an earlier unknown create of the same name cannot.
   *
   * @returns false when the record is gone or has another owner
   */
  replace(record: OperationRecord): Promise<boolean>;

  /**
   * Sets owner and ownedUntilMs of an abandoned record: an undecided one, or a success that is still to be bound.
   *
   * @param previous the record as it was read
   * @returns the stored record; undefined when it has another owner by now, or has been decided or bound
   */
  takeOver(
    previous: Pick<OperationRecord, 'id' | 'owner' | 'state'>,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UnfinishedRecord | undefined>;

  /** Removes a record and frees its name, if its owner still owns it. */
  remove(record: Pick<OperationRecord, 'id' | 'owner'>): Promise<boolean>;

  /**
   * Claims a connection for a record.
   *
   * @returns false when another record has claimed it, or holds the name and may be about to
   */
  claimConnection(
    connectionId: string,
    record: Pick<OperationRecord, 'id' | 'nameId'>,
    times: { nowMs: number; expiresAtMs: number },
  ): Promise<boolean>;

  /** Notes that a tenant deletes a connection. `id` is a keyed hash of both. */
  noteDeletion(id: string, times: { nowMs: number; expiresAtMs: number }): Promise<void>;

  /** Whether an unexpired note of the deletion exists. */
  hasDeletion(id: string, nowMs: number): Promise<boolean>;

  /** Whether {@link findAbandoned} may find something for any project. */
  hasAbandoned(nowMs: number): Promise<boolean>;

  /** The abandoned records of a project: open ones whose owner's time is over. */
  findAbandoned(projectId: string, nowMs: number): Promise<OperationRecord[]>;

  /** The unexpired open records of all projects, at most 1,000, for the metrics. */
  findOpen(nowMs: number): Promise<OpenCreate[]>;

  /** Size on the disk; undefined for a store on another server. */
  sizeBytes(): Promise<number | undefined>;

  /** Releases the store. Every later call fails. */
  close(): Promise<void>;
}

/** What the metrics show of an open record. */
export type OpenCreate = Pick<OperationRecord, 'state' | 'sentAtMs'>;

/** The most open records that are read for the metrics. */
export const MAX_OPEN_CREATES = 1_000;

/** The operations whose duration is measured. */
export const TIMED_OPERATIONS = [
  ...(['secret', 'find', 'begin', 'replace', 'takeOver', 'remove', 'claimConnection'] as const),
  ...(['noteDeletion', 'hasDeletion', 'hasAbandoned', 'findAbandoned', 'findOpen'] as const),
] satisfies readonly (keyof OperationStore)[];

/** The store cannot be used now. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  /** False when the store was not reached. Otherwise the write may have taken place. */
  readonly mayHaveWritten: boolean;

  constructor({ mayHaveWritten } = { mayHaveWritten: true }) {
    super('The store of operation records is not available.');
    this.mayHaveWritten = mayHaveWritten;
  }
}

/** The result of a call to the store; undefined while the store cannot be used. */
export async function ifAvailable<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof StoreUnavailableError) return undefined;
    throw error;
  }
}

/** Whether a failed write may have taken place. */
export function mayHaveWritten(error: unknown): boolean {
  return !(error instanceof StoreUnavailableError) || error.mayHaveWritten;
}

/** The store must not be used as configured. The message begins with the setting and never quotes its value. */
export class StoreConfigError extends Error {
  override readonly name = 'StoreConfigError';

  constructor(
    readonly setting: 'DATA_DIR' | 'REDIS_URL',
    readonly problem: string,
  ) {
    super(`${setting}: ${problem}`);
  }
}
