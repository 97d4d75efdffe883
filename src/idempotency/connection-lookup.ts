import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionRequest, ConnectionTag } from '../dli/connection.js';
import { stateOfWireName } from '../dli/connection.js';
import type { DliClient, ListFilter } from '../dli/dli-client.js';
import { DliError } from '../dli/dli-error.js';
import type { ConnectionList } from '../dli/responses.js';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';

const READ_TIMEOUT_MS = 12_000;
/** Lookups within this time share one read of the list. */
const BATCH_MS = 50;
const FILTER_PROOF_LIFE_MS = 3_600_000;

/** Batched reads of DLI's list for reconciliation. A failed read is undefined, because it proves nothing. */
export class ConnectionLookup {
  #batch: Promise<ConnectionList | undefined> | undefined;
  #filterProvenUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly dli: DliClient,
    private readonly clock: Clock,
    /** Whether DLI filters this kind of connections by name. */
    private readonly filtersByName: boolean,
    private readonly batchMs = BATCH_MS,
  ) {}

  /**
   * The complete list, read after this call, or all connections of a name if DLI can filter by it. Undefined once the
   * deadline has passed.
   */
  read(name: string, trace: TraceContext, deadline?: Deadline): Promise<ConnectionList | undefined> {
    if (this.filtersByName) return this.#list(trace, { name }, deadline);
    // A read that has started shows an earlier state, and one that hangs must not delay the next.
    this.#batch ??= delay(this.batchMs).then(() => {
      this.#batch = undefined;
      return this.#list(trace, {});
    });
    // Other lookups of the batch may have a later deadline.
    return deadline === undefined ? this.#batch : withTimeout(deadline.remainingMs(), this.#batch, () => undefined);
  }

  /** The connections that DLI lists for a tag. */
  readTagged(tag: ConnectionTag, trace: TraceContext, deadline?: Deadline): Promise<ConnectionList | undefined> {
    return this.#list(trace, { tag }, deadline);
  }

  /** Whether DLI was seen to filter by tag within the last hour. */
  isFilterProven(): boolean {
    return this.clock.monotonicMs() < this.#filterProvenUntilMs;
  }

  /** Checks that DLI filters by tag: it must list no connection for a random tag. */
  async proveFilter(trace: TraceContext, deadline?: Deadline): Promise<boolean> {
    if (this.isFilterProven()) return true;
    const decoy = { key: MARKER_TAG_KEY, value: randomUUID().replaceAll('-', '') };
    const list = await this.readTagged(decoy, trace, deadline);
    if (list === undefined || list.connections.length > 0) return false;
    this.#filterProvenUntilMs = this.clock.monotonicMs() + FILTER_PROOF_LIFE_MS;
    return true;
  }

  async #list(trace: TraceContext, filter: ListFilter, limit?: Deadline): Promise<ConnectionList | undefined> {
    try {
      const deadline = new Deadline(this.clock, Math.min(READ_TIMEOUT_MS, limit?.remainingMs() ?? READ_TIMEOUT_MS));
      return await this.dli.listForReconciliation({ trace, deadline }, filter);
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      return undefined;
    }
  }
}

/** Whether a list has connections that are not deleted. If so, a filtered list that is empty was really filtered. */
export function hasLiveConnections({ connections }: ConnectionList): boolean {
  // DLI may leave deleted connections out of every filtered list.
  return connections.some(({ state }) => stateOfWireName(state) !== 'DELETED');
}

/** Key of the marker tag, which identifies a create's own connection in DLI. */
// Sent to DLI: do not rename.
export const MARKER_TAG_KEY = 'gw_req';
// DLI's limits. Source: docs/sources.md, classic connections, tags; and "Adding tags in batches" of the API reference.
const MAX_TAGS = { CLASSIC: 10, ENHANCED: 20 };
const MARKER_LENGTH = 32;

/**
 * The marker tag of a create.
 *
 * @param recordId a keyed hash, so that its first 32 digits disclose nothing
 */
export function markerTagOf(recordId: string): ConnectionTag {
  return { key: MARKER_TAG_KEY, value: recordId.slice(0, MARKER_LENGTH) };
}

/** Whether the caller's own tags leave room for a marker. */
export function hasRoomForMarker({ kind, tags = [] }: ConnectionRequest): boolean {
  return tags.length < MAX_TAGS[kind];
}
