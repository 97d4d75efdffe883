import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionRequest, ConnectionTag } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import { DliError } from '../dli/dli-error.js';
import type { ConnectionList } from '../dli/responses.js';
import type { Clock } from '../lib/time.js';
import { Deadline, within } from '../lib/time.js';

const READ_TIMEOUT_MS = 12_000;
/** Who asks within this time shares one read. */
const GATHER_MS = 50;
const FILTER_PROOF_LIFE_MS = 3_600_000;

/** Reads DLI's list for all creates that look for theirs. A read that fails is undefined: it is no evidence at all. */
export class ConnectionLookup {
  readonly #dli: DliClient;
  readonly #clock: Clock;
  #gathering: Promise<ConnectionList | undefined> | undefined;
  #filterProvenUntilMs = Number.NEGATIVE_INFINITY;

  constructor(dli: DliClient, clock: Clock) {
    this.#dli = dli;
    this.#clock = clock;
  }

  /** The whole list, as it is after this call; undefined once the deadline has passed. */
  read(traceId: string, deadline?: Deadline): Promise<ConnectionList | undefined> {
    // A read that is under way shows what was before, and one that hangs must not hold up the next.
    this.#gathering ??= delay(GATHER_MS).then(() => {
      this.#gathering = undefined;
      return this.#list(traceId);
    });
    // Others may have more time for the read that they share.
    return deadline === undefined
      ? this.#gathering
      : within(deadline.remainingMs(), this.#gathering, undefined);
  }

  /** The connections that DLI gives when it is asked for one tag. */
  readTagged(tag: ConnectionTag, traceId: string, deadline?: Deadline): Promise<ConnectionList | undefined> {
    return this.#list(traceId, tag, deadline);
  }

  /** Whether DLI filters by tag, as far as that was shown within the last hour. */
  isFilterProven(): boolean {
    return this.#clock.monotonicMs() < this.#filterProvenUntilMs;
  }

  /** Finds out whether DLI filters by tag: while connections exist, it must not give any for a tag that none has. */
  async proveFilter(traceId: string, deadline?: Deadline): Promise<boolean> {
    if (this.isFilterProven()) return true;
    const decoy = { key: MARKER_TAG_KEY, value: randomUUID().replaceAll('-', '') };
    const list = await this.readTagged(decoy, traceId, deadline);
    if (list === undefined || list.connections.length > 0) return false;
    this.#filterProvenUntilMs = this.#clock.monotonicMs() + FILTER_PROOF_LIFE_MS;
    return true;
  }

  async #list(traceId: string, tag?: ConnectionTag, limit?: Deadline): Promise<ConnectionList | undefined> {
    try {
      const deadline = new Deadline(
        this.#clock,
        Math.min(READ_TIMEOUT_MS, limit?.remainingMs() ?? READ_TIMEOUT_MS),
      );
      return await this.#dli.listForReconciliation({ traceId, deadline }, tag);
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      return undefined;
    }
  }
}

/** The key of the tag by which a create's own connection is found in DLI. */
export const MARKER_TAG_KEY = 'gw_req';
// DLI's limit. Source: DLI API reference, "Creating a datasource connection", tags.
const MAX_TAGS = 10;
const MARKER_LENGTH = 32;

/**
 * The marker of a create.
 *
 * @param recordId a keyed hash already, so a part of it tells nobody anything
 */
export function markerTagOf(recordId: string): ConnectionTag {
  return { key: MARKER_TAG_KEY, value: recordId.slice(0, MARKER_LENGTH) };
}

/** Whether the caller's own tags leave room for a marker. */
export function hasRoomForMarker({ tags = [] }: ConnectionRequest): boolean {
  return tags.length < MAX_TAGS;
}
