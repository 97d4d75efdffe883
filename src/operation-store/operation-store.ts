import type { OperationRecord, SendingRecord, UndecidedRecord } from './operation-record.js';

/** What became of the wish to begin an operation. */
export type BeginResult =
  /**
   * The record is stored durably: the request may be sent.
   *
   * `hasLostRecords`: the store has lost records within the time for which it must keep them, so that an unknown id
   * is no proof that nothing was sent under it.
   */
  | { kind: 'begun'; hasLostRecords: boolean }
  /** The store's secret is not the one that the record was identified with: it was lost and made anew. */
  | { kind: 'secretReplaced' }
  /** A record with this id exists already. */
  | { kind: 'exists'; record: OperationRecord }
  /** Another unsettled record (SENDING, or UNKNOWN and not settled) holds the name. */
  | { kind: 'nameHeld'; record: OperationRecord }
  /** Something is stored under the id or the name that cannot be read as a record of this version. */
  | { kind: 'unreadable' };

/** A record, its absence, or something that cannot be read as a record of this version. */
export type FindResult =
  | { kind: 'found'; record: OperationRecord }
  | { kind: 'absent' }
  | { kind: 'unreadable' };

/**
 * Remembers creates and wishes to delete, for one process (a folder) or for several (Redis).
 *
 * Every write is atomic, and durable when its promise resolves. Times come from the caller.
 */
export interface OperationStore {
  /**
   * A random secret of 32 bytes, made at first use and the same for all users of the store. Read anew at every
   * call, because a store that lost its data has another one.
   */
  secret(): Promise<Buffer>;

  /** @throws {StoreUnavailableError} as every other method */
  find(id: string, nowMs: number): Promise<FindResult>;

  /** Stores a new record in state SENDING, unless its id exists or its name is held. */
  begin(record: SendingRecord, nowMs: number): Promise<BeginResult>;

  /**
   * Replaces a record if `owner` still owns it, and frees its name when the new state is settled
   * (SUCCEEDED, REJECTED, or UNKNOWN with isSettled).
   *
   * @returns false when the stored record is gone or has another owner
   */
  replace(record: OperationRecord, owner: string): Promise<boolean>;

  /**
   * Takes over a record whose owner's time is over: sets owner and ownedUntilMs. Atomic.
   *
   * @returns the record as it is stored then; undefined when somebody else was faster, or its owner has decided it
   */
  takeOver(
    id: string,
    previousOwner: string,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UndecidedRecord | undefined>;

  /** Forgets a record and frees its name, if `owner` still owns it. */
  remove(id: string, owner: string): Promise<boolean>;

  /**
   * Notes that a connection belongs to a record.
   *
   * @returns false when another record has it already, or holds the name: it may be about to answer for it
   */
  claimConnection(
    connectionId: string,
    record: Pick<OperationRecord, 'id' | 'nameId'>,
    times: { nowMs: number; expiresAtMs: number },
  ): Promise<boolean>;

  /** Remembers that a connection is about to be deleted for a tenant; `id` is a keyed hash of both. */
  noteDeletion(id: string, times: { nowMs: number; expiresAtMs: number }): Promise<void>;

  /** Whether that was noted and its time is not over. */
  hasDeletion(id: string, nowMs: number): Promise<boolean>;

  /** Whether {@link findOpen} may find something for any project. */
  hasOpen(nowMs: number): Promise<boolean>;

  /** Records of a project that still need an answer: SENDING or UNKNOWN and not settled, whose owner's time is over. */
  findOpen(projectId: string, nowMs: number): Promise<OperationRecord[]>;

  close(): Promise<void>;
}

/** The store cannot be used now. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  /** False when the store was certainly not reached; otherwise the last write may have taken place all the same. */
  readonly mayHaveWritten: boolean;

  constructor({ mayHaveWritten } = { mayHaveWritten: true }) {
    super('The store of operation records is not available.');
    this.mayHaveWritten = mayHaveWritten;
  }
}

/** Whether a write that failed may have taken place all the same. */
export function mayHaveWritten(error: unknown): boolean {
  return !(error instanceof StoreUnavailableError) || error.mayHaveWritten;
}

/** The store must not be used as it is set up. The message names the setting first, and quotes nothing of its value. */
export class StoreConfigError extends Error {
  override readonly name = 'StoreConfigError';
  readonly setting: 'DATA_DIR' | 'REDIS_URL';
  readonly problem: string;

  constructor(setting: 'DATA_DIR' | 'REDIS_URL', problem: string) {
    super(`${setting}: ${problem}`);
    this.setting = setting;
    this.problem = problem;
  }
}
