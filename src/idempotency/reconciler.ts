import type { ConnectionKind } from '../dli/connection.js';
import type { ConnectionList } from '../dli/responses.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Success } from '../operation-store/operation-record.js';
import { isForbidden, lastSentAt, RETENTION_MS, toRejected, toSucceeded } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationRecord, UndecidedRecord, UnknownRecord } from '../operation-store/record-format.js';
import type { ConnectionLookup } from './connection-lookup.js';
import { hasLiveConnections, markerTagOf } from './connection-lookup.js';
import type { Found, Match, NotFound } from './match-connection.js';
import { matchConnection } from './match-connection.js';
import type { WriteBehind } from './write-behind.js';

const JITTER = 0.2;
// 15 minutes at the default of 2: an unreadable or ambiguous list must not hold the name forever.
const GIVE_UP_AFTER_SETTLE_TIMES = 7.5;

/** When the list is read in the background, as fractions of the settle time: after 30, 60, 90 and 120 of 120 s. */
const BACKGROUND_FRACTIONS = [1 / 4, 1 / 2, 3 / 4, 1];

interface Dependencies {
  lookups: Readonly<Record<ConnectionKind, ConnectionLookup>>;
  store: OperationStore;
  writer: WriteBehind;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Settle time: how long after it was sent a create may still appear, in milliseconds. */
  settleMs: number;
  /** Whether only a marker tag may attribute a connection to a create. */
  addsMarkerTag: boolean;
}

/** The result of looking for a create's connection. `claimed`: it exists, and belongs to this create. */
type Finding = (Omit<Found, 'kind'> & { kind: 'claimed' }) | NotFound;

/** Decides creates of unknown outcome from DLI's list of connections. */
export class Reconciler {
  constructor(private readonly dependencies: Dependencies) {}

  /**
   * Finds the connection of a create whose record the store may have lost, and claims it. It may carry another marker,
   * so only a list without a similar connection shows its absence.
   *
   * @param deadline after it, the result is `unreadable`
   */
  async findAfterLoss(record: UndecidedRecord, trace: TraceContext, deadline: Deadline): Promise<Finding> {
    return this.#conclude(await this.#match(record, trace, true, deadline), record, trace);
  }

  async #conclude(match: Match, record: UndecidedRecord, trace: TraceContext): Promise<Finding> {
    if (match.kind === 'found') return this.#claim(match, record);
    const { kind: outcome } = match;
    if (outcome === 'ambiguous' || outcome === 'incomplete')
      this.dependencies.log.warn(
        { ...trace, operation: 'reconcile', operationId: record.id, outcome },
        'connection cannot be attributed to one create',
      );
    return match;
  }

  /**
   * Finds the connection of a record by its marker tag alone.
   *
   * @returns undefined also while it is not proven that DLI filters by tag
   */
  async findMarked(record: UndecidedRecord, trace: TraceContext, deadline: Deadline): Promise<Found | undefined> {
    const match = await this.#matchMarker(record, undefined, trace, deadline);
    if (match?.kind !== 'found') return undefined;
    const finding = await this.#claim(match, record);
    return finding.kind === 'absent' ? undefined : match;
  }

  /**
   * Reads the list once for a record that the caller owns, and writes the result.
   *
   * @returns the next version of the record
   */
  async check(record: UnknownRecord, trace: TraceContext): Promise<OperationRecord> {
    const { clock, log, writer, metrics } = this.dependencies;
    const finding = await this.#conclude(await this.#match(record, trace, false), record, trace);
    const nowMs = clock.epochMs();
    const next = this.#judge(record, finding, nowMs);
    const written = next.state === 'UNKNOWN' ? { ...next, nextCheckAtMs: this.#nextCheckMs(next, nowMs) } : next;
    // The same call may succeed later, so its key is free again.
    if (this.#isExpiredRefusal(written, nowMs)) await writer.remove(record);
    else await writer.write(written);
    const isDecided = hasEnded(record, written);
    const outcome = isDecided ? loggedOutcome(written) : 'undecided';
    metrics.count('dli_gateway_reconciliations_total', { result: outcome });
    if (isDecided) {
      const { id: operationId, connectionId } = written;
      const afterMs = Math.round(nowMs - record.sentAtMs);
      log.info({ ...trace, operation: 'reconcile', operationId, connectionId, outcome, afterMs }, 'create reconciled');
    }
    return written;
  }

  #lookupFor({ wanted }: OperationRecord): ConnectionLookup {
    return this.dependencies.lookups[wanted.kind ?? 'CLASSIC'];
  }

  async #match(
    record: UndecidedRecord,
    trace: TraceContext,
    isAfterLoss: boolean,
    deadline?: Deadline,
  ): Promise<Match> {
    const { clock, settleMs, addsMarkerTag } = this.dependencies;
    const lookup = this.#lookupFor(record);
    const hasMarker = record.hasMarker === true;
    // Before the filtered list: a connection that only appears later would not prove that DLI filters.
    const before =
      hasMarker && lookup.isFilterProven() ? undefined : await lookup.read(record.wanted.name, trace, deadline);
    const marked = hasMarker ? await this.#matchMarker(record, before, trace, deadline) : undefined;
    // A refusal counts only if no similar connection exists either: DLI may not know the tag yet, or store no tags.
    const isRefused = record.suspected !== undefined || record.rejection !== undefined;
    if (marked?.kind === 'found' || (marked?.kind === 'absent' && !isAfterLoss && !isRefused)) return marked;
    const list = before ?? (hasMarker ? await lookup.read(record.wanted.name, trace, deadline) : undefined);
    if (list === undefined) return { kind: 'unreadable' };
    const untilMs = (record.lastSentAtMs ?? clock.epochMs()) + settleMs;
    const similar = matchConnection(record.wanted, { fromMs: record.sentAtMs, untilMs }, list);
    // Without its marker it may belong to another client.
    return similar.kind === 'found' && (hasMarker || addsMarkerTag) ? { kind: 'ambiguous' } : similar;
  }

  /**
   * Undefined while it is not proven that DLI filters by tag.
   *
   * @param before the whole list, read before this call, which may prove it
   */
  async #matchMarker(
    record: OperationRecord,
    before: ConnectionList | undefined,
    trace: TraceContext,
    deadline?: Deadline,
  ): Promise<Match | undefined> {
    const lookup = this.#lookupFor(record);
    const list = await lookup.readTagged(markerTagOf(record.id), trace, deadline);
    if (list === undefined) return undefined;
    const [only, ...others] = list.connections;
    if (only === undefined) {
      const isFiltered = lookup.isFilterProven() || (before !== undefined && hasLiveConnections(before));
      return isFiltered ? { kind: 'absent' } : undefined;
    }
    if (others.length > 0 || only.name !== record.wanted.name || only.id === null) return undefined;
    if (!(await lookup.proveFilter(trace, deadline))) return undefined;
    return { kind: 'found', connectionId: only.id, recognisedBy: 'LABEL' };
  }

  async #claim({ connectionId, recognisedBy }: Found, record: UndecidedRecord): Promise<Finding> {
    const { store, clock } = this.dependencies;
    // Until the last unknown record that might match it has expired.
    const times = { nowMs: clock.epochMs(), expiresAtMs: clock.epochMs() + RETENTION_MS.UNKNOWN };
    try {
      return (await store.claimConnection(connectionId, record, times))
        ? { kind: 'claimed', connectionId, recognisedBy }
        : { kind: 'absent' };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      // Without the store, it is not known which process has claimed the record.
      return { kind: 'unreadable' };
    }
  }

  #judge(record: UnknownRecord, finding: Finding, nowMs: number): OperationRecord {
    const { suspected } = record;
    if (finding.kind === 'claimed') {
      return toSucceeded(record, toFoundSuccess(record, finding), nowMs);
    }
    // The key of a refused create is freed, so it may be sent again: a connection that appears late may be its own.
    const isUnconfirmed =
      finding.kind === 'ambiguous' || (finding.kind === 'nearMiss' && record.rejection !== undefined);
    const isAbsent = finding.kind === 'absent' || (finding.kind === 'nearMiss' && !isUnconfirmed);
    const { settleMs } = this.dependencies;
    const sinceSentMs = nowMs - lastSentAt(record);
    const isLastingAbsence =
      isAbsent && sinceSentMs >= settleMs && nowMs - (record.emptySinceMs ?? nowMs) >= settleMs / 4;
    // The list of enhanced connections is read by name, and may lag, so that one read proves nothing.
    if (suspected !== undefined && (record.wanted.kind === 'ENHANCED' ? isLastingAbsence : isAbsent)) {
      const { message } = record;
      return toRejected(record, { rejection: suspected, ...(message !== undefined && { message }) }, nowMs);
    }
    const { emptySinceMs: _unproven, ...withoutProof } = record;
    // Candidates invalidate what earlier lists proved.
    const known = isUnconfirmed ? withoutProof : record;
    if (known.isSettled === true)
      return isAbsent && record.rejection !== undefined
        ? { ...record, emptySinceMs: record.emptySinceMs ?? nowMs }
        : known;
    if (!isAbsent)
      return sinceSentMs < settleMs * GIVE_UP_AFTER_SETTLE_TIMES ? known : { ...withoutProof, isSettled: true };
    const emptySinceMs = record.emptySinceMs ?? nowMs;
    return { ...record, emptySinceMs, ...(isLastingAbsence && { isSettled: true }) };
  }

  /** Whether a refused create has been absent from the lists for long enough to be removed. */
  #isExpiredRefusal(record: OperationRecord, nowMs: number): boolean {
    const { emptySinceMs = nowMs } = record;
    return record.isSettled === true && isForbidden(record) && nowMs - emptySinceMs >= this.dependencies.settleMs / 4;
  }

  #nextCheckMs(record: OperationRecord, nowMs: number): number {
    const { settleMs } = this.dependencies;
    const sentAtMs = lastSentAt(record);
    const fraction = BACKGROUND_FRACTIONS.find(candidate => sentAtMs + candidate * settleMs > nowMs);
    const waitMs = fraction === undefined ? settleMs / 4 : sentAtMs + fraction * settleMs - nowMs;
    return nowMs + waitMs * (1 + JITTER * Math.random());
  }
}

/** Whether a check has ended the search for the connection of a record. */
export function hasEnded(before: OperationRecord, after: OperationRecord): boolean {
  return after.state !== before.state || after.isSettled !== before.isSettled;
}

/** The success of a create whose connection was found in the list. */
export function toFoundSuccess(
  { wanted }: OperationRecord,
  { connectionId, recognisedBy }: Omit<Found, 'kind'>,
): Success {
  // Gateways of older versions cannot read a classic record with a field that they do not know.
  return {
    connectionId,
    message: null,
    isReconciled: true,
    ...(wanted.kind === 'ENHANCED' && { recognisedBy }),
  };
}

function loggedOutcome(record: OperationRecord): 'found' | 'refused' | 'settled without trace' {
  if (record.state === 'SUCCEEDED') return 'found';
  return record.state === 'REJECTED' || isForbidden(record) ? 'refused' : 'settled without trace';
}
