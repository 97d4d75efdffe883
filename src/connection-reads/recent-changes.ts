import type { ConnectionKind } from '../dli/connection.js';
import { ConnectionState, stateOfWireName } from '../dli/connection.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { ConnectionSnapshot, ReadConnection } from './connection-snapshot.js';
import { ReadQueueFullError } from './fair-rate-limiter.js';

/** The change that a mutation made to a connection, or may have made. */
export type ConnectionChange =
  | CertainChange
  /** The outcome is not known, or not certain. Without an id, any connection may have been changed. */
  | { kind: 'unknown'; id?: string | undefined };

type CertainChange =
  | { kind: 'created'; id: string; connectionKind: ConnectionKind }
  /** Enhanced connections only: bound to or unbound from resources. */
  | { kind: 'changed'; id: string }
  | { kind: 'deleted'; id: string };

interface RecentChange {
  id: string;
  kind: CertainChange['kind'];
  /** The kind of the connection; undefined if it was deleted. */
  connectionKind: ConnectionKind | undefined;
  /** Whether it was created in the last minute, so that lists may lack it. */
  isNew: boolean;
  /** Position among all changes. */
  sequence: number;
  atMs: number;
  /** Since when DLI has not found the connection. */
  missingSinceMs?: number;
}

/** Changes are remembered at least as long as a list may be kept, and longer than DLI's list should lag behind. */
const LIFE_MS = 60_000;
const MAX_CHANGES = 1_000;
/** How long DLI may fail to find a connection that it has just created. */
const MAX_GET_LAG_MS = 5_000;
/** Beyond this number, reading the list again costs DLI less. */
const MAX_LOOKUPS = 10;

/**
 * The connections that were created, changed or deleted through this gateway, or another one on the same Redis, in the
 * last minute. DLI's list may have been read before a change, or may not show it yet.
 */
export class RecentChanges {
  /** By id in lower case, oldest first. */
  readonly #changes = new Map<string, RecentChange>();
  #lastDeletion = 0;
  /** The latest change that is no longer remembered. */
  #lastForgotten = 0;
  #sequence = 0;

  constructor(private readonly clock: Clock) {}

  /** Number of changes so far. A list whose read begins at this number includes them, unless DLI's list lags. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Takes a change into account for all lists that are kept or read from now on. */
  add(change: CertainChange): void {
    const id = change.id.toLowerCase();
    const earlier = this.#changes.get(id);
    // A repeat of a create: only the first call counts, because DLI never reuses an id.
    if (earlier !== undefined && change.kind === 'created') return;
    if (earlier?.kind === 'deleted' && change.kind === 'changed') return;
    this.#sequence += 1;
    if (change.kind === 'deleted') this.#lastDeletion = this.#sequence;
    this.#changes.delete(id);
    this.#changes.set(id, {
      id,
      kind: change.kind,
      connectionKind: kindOfConnection(change),
      isNew: change.kind === 'created' || (change.kind === 'changed' && earlier?.isNew === true),
      sequence: this.#sequence,
      atMs: this.clock.monotonicMs(),
    });
    for (const oldest of this.#changes.values()) {
      if (this.#changes.size <= MAX_CHANGES && this.clock.monotonicMs() - oldest.atMs <= LIFE_MS) break;
      this.#changes.delete(oldest.id);
      this.#lastForgotten = oldest.sequence;
    }
  }

  /** Whether a connection was deleted after the read of this list began. DLI may list it as DELETED or omit it. */
  hasDeletionSince(list: ConnectionSnapshot): boolean {
    return this.#lastDeletion > list.readAtSequence;
  }

  /**
   * Adds the created connections that a list lacks, updates those that changed after it was read, both as DLI describes
   * them now, and marks deleted ones as DELETED. Those of a kind that could not be listed stay missing.
   *
   * @param read reads one connection
   * @param isLatest whether the list has already been read again; it is then used even if a lookup fails
   * @returns false if the list should be read again
   */
  async applyTo(
    list: ConnectionSnapshot,
    read: (id: string) => Promise<ReadConnection | undefined>,
    isLatest = false,
  ): Promise<boolean> {
    const sequence = this.#sequence;
    if (list.appliedSequence === sequence) return true;
    const unknown = this.#applyKnown(list);
    // The others were created before the read: DLI's list lags behind, and reading it again would not help.
    const isOutdated = (change: RecentChange) => change.sequence > list.readAtSequence;
    const mustReread = this.#lastForgotten > list.readAtSequence || unknown.filter(isOutdated).length > MAX_LOOKUPS;
    if (mustReread && !isLatest) return false;
    const lookups = unknown.slice(-MAX_LOOKUPS).map(async change => {
      const isAnswered = await this.#lookUp(change, list, read);
      return isAnswered || !isOutdated(change);
    });
    const areAnswered = (await Promise.all(lookups)).every(Boolean);
    if (areAnswered || isLatest) list.appliedSequence = sequence;
    return areAnswered;
  }

  /** Marks deleted connections. @returns those that must be looked up, oldest first */
  #applyKnown(list: ConnectionSnapshot): RecentChange[] {
    const nowMs = this.clock.monotonicMs();
    const changes = [...this.#changes.values()].filter(
      ({ sequence, atMs }) => sequence > list.appliedSequence && nowMs - atMs <= LIFE_MS,
    );
    const listed = list.findAll(new Set(changes.map(({ id }) => id)));
    for (const { id, kind } of changes) {
      const connection = listed.get(id);
      if (kind === 'deleted' && connection !== undefined && stateOfWireName(connection.state) !== 'DELETED')
        list.put({ ...connection, state: ConnectionState.DELETED });
    }
    return changes.filter(({ id, kind, connectionKind, isNew, sequence }) => {
      if (connectionKind === undefined || list.failures.has(connectionKind)) return false;
      return (isNew && !listed.has(id)) || (kind === 'changed' && sequence > list.readAtSequence);
    });
  }

  /** Forgets a connection that DLI has not found for some time: a get may lag behind, too. */
  #noteMissing(change: RecentChange): void {
    const nowMs = this.clock.monotonicMs();
    change.missingSinceMs ??= nowMs;
    if (nowMs - change.missingSinceMs >= MAX_GET_LAG_MS) this.#changes.delete(change.id);
  }

  /** @returns false if the read failed */
  async #lookUp(
    change: RecentChange,
    list: ConnectionSnapshot,
    read: (id: string) => Promise<ReadConnection | undefined>,
  ): Promise<boolean> {
    try {
      const connection = await read(change.id);
      // It may have been deleted meanwhile.
      if (this.#changes.get(change.id) !== change) return true;
      if (connection !== undefined) list.put(connection);
      else this.#noteMissing(change);
      return true;
    } catch (error) {
      if (error instanceof DliError || error instanceof ReadQueueFullError) return false;
      throw error;
    }
  }
}

function kindOfConnection(change: CertainChange): ConnectionKind | undefined {
  if (change.kind === 'created') return change.connectionKind;
  return change.kind === 'changed' ? 'ENHANCED' : undefined;
}
