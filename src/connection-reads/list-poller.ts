import { isDeepStrictEqual } from 'node:util';
import { ConnectionKind } from '../dli/connection.js';
import { DliError } from '../dli/dli-error.js';
import { newTrace } from '../lib/logger.js';
import type { ConnectionFilter, ListFailures } from './connection-filter.js';
import { failureOf, matches, showsDeleted } from './connection-filter.js';
import type { ConnectionSnapshot, ReadConnection } from './connection-snapshot.js';
import { ReadQueueFullError } from './fair-rate-limiter.js';
import { PollSchedule } from './poll-schedule.js';
import type { PollerDependencies } from './poller.js';
import { SNAPSHOT_LIFE_MS } from './reader.js';
import type { WatchStream } from './watch-stream.js';
import type { Subscriber } from './watcher.js';

/** What happened to a connection of a watched list. */
export const ChangeKind = { ADDED: 'ADDED', CHANGED: 'CHANGED', REMOVED: 'REMOVED' } as const;

/** One of {@link ChangeKind}. */
export type ChangeKind = (typeof ChangeKind)[keyof typeof ChangeKind];

/** A change of a connection in a watched list. */
interface ListChange {
  kind: 'change';
  change: ChangeKind;
  /** Its current state, or its last one if DLI no longer lists it. */
  connection: ReadConnection;
  /** The state that the subscriber knows. */
  before: ReadConnection | undefined;
}

/** A change in a watched list, the error of a read from DLI, a bug of the gateway, or too many changes to keep. */
export type ListEvent =
  | ListChange
  | { kind: 'problem'; error: DliError }
  | { kind: 'bug'; error: unknown }
  | { kind: 'tooMany' };

/** Whether an event ends the watch of a list. */
export function endsWatch(event: ListEvent): boolean {
  return event.kind === 'tooMany';
}

/** Maximum number of changes that a subscriber may be behind. */
const MAX_PENDING = 1_000;
/** Time between polls, however many connections change through the gateway; the interval, if that is shorter. */
const MAX_SPACING_MS = 1_000;
/** Key of a problem or bug among the pending events; those of changes are the ids of connections. */
const PROBLEM = 'problem';
// The list is read for the subscribers of all tenants, so the limiter treats it as a tenant of its own.
const TENANT = '';

const KINDS = Object.values(ConnectionKind);

type Connections = ReadonlyMap<string, ReadConnection>;

/**
 * Polls the list for all its subscribers, and reports how each snapshot differs from the one before. The interval grows
 * up to 20 s while the list is unchanged. The snapshots are shared with the queries of the list. While a kind cannot be
 * listed, its connections count as unchanged.
 */
export class ListPoller {
  readonly #subscribers = new Map<WatchStream<ListEvent>, { filter: ConnectionFilter; subscriber: Subscriber }>();
  readonly #schedule: PollSchedule;
  /** The latest snapshot of each kind, by id in lower case. */
  readonly #latest = new Map<ConnectionKind, Connections>();
  /** The errors of the latest poll. */
  #failures: ListFailures = new Map();
  /** The bug that prevented the latest poll. */
  #bug: { kind: 'bug'; error: unknown } | undefined;

  constructor(private readonly dependencies: Omit<PollerDependencies, 'limiter' | 'lease'>) {
    const { clock, metrics, intervalMs } = dependencies;
    const spacingMs = Math.min(intervalMs, MAX_SPACING_MS);
    this.#schedule = new PollSchedule(clock, metrics, { intervalMs, spacingMs }, () => this.#poll());
    this.#schedule.restart({ isChange: false });
  }

  /** Adds a stream, which gets the changes since the latest snapshot, or since the first one. */
  add(stream: WatchStream<ListEvent>, filter: ConnectionFilter, subscriber: Subscriber): void {
    this.#subscribers.set(stream, { filter, subscriber });
    const error = failureOf(filter, this.#failures);
    if (error !== undefined) stream.push({ kind: 'problem', error }, PROBLEM);
    if (this.#bug !== undefined) stream.push(this.#bug, PROBLEM);
  }

  /** @returns whether any streams are left */
  remove(stream: WatchStream<ListEvent>): boolean {
    this.#subscribers.delete(stream);
    return this.#subscribers.size > 0;
  }

  /** Ends polling for good. */
  stop(): void {
    this.#schedule.stop();
  }

  /** Polls after a change as soon as the interval allows. */
  pollNow(): void {
    this.#schedule.restart({ isChange: true });
  }

  async #poll(): Promise<void> {
    const { reader, intervalMs, onBug } = this.dependencies;
    const watches = [...this.#subscribers.values()];
    const withDeleted = watches.some(({ filter }) => showsDeleted(filter));
    // The first snapshot may be one that a caller queried before subscribing, so that it misses no change since then.
    const maxAgeMs = this.#latest.size === 0 ? SNAPSHOT_LIFE_MS : intervalMs / 2;
    try {
      // The log shows the poll in the trace of the oldest subscriber.
      const trace = watches[0]?.subscriber.trace ?? newTrace();
      this.#deliver(await reader.list(maxAgeMs, withDeleted, { tenant: TENANT, trace }));
    } catch (error) {
      const problem = error instanceof ReadQueueFullError ? new DliError('THROTTLED', { retryAfterSeconds: 1 }) : error;
      if (problem instanceof DliError) {
        this.#deliverFailures(new Map(KINDS.map(kind => [kind, problem])));
        this.#schedule.onResult(false, problem.retryAfterSeconds);
      } else {
        onBug(error);
        this.#deliverBug(error);
        this.#schedule.onResult(false);
      }
    }
  }

  #deliver(list: ConnectionSnapshot): void {
    if (this.#schedule.signal.aborted) return;
    const isFirst = this.#latest.size === 0;
    this.#deliverFailures(list.failures);
    const changes = KINDS.filter(kind => !list.failures.has(kind)).map(kind => this.#deliverKind(kind, list));
    // The failure of one kind must not delay the other.
    this.#schedule.onResult(isFirst || changes.some(Boolean));
  }

  /** @returns whether anything has changed */
  #deliverKind(kind: ConnectionKind, list: ConnectionSnapshot): boolean {
    // Recent changes since the first snapshot are reported, too, even if a query has already shown them.
    const before = this.#latest.get(kind) ?? list.byIdAsRead(kind);
    const after = list.byId(kind);
    this.#latest.set(kind, after);
    const ids = changedIds(before, after);
    for (const [stream, { filter }] of [...this.#subscribers])
      for (const id of ids) pushChange(stream, filter, id, before.get(id), after.get(id));
    return ids.length > 0;
  }

  #deliverBug(error: unknown): void {
    const isNew = this.#bug === undefined;
    this.#bug = { kind: 'bug', error };
    if (isNew) for (const stream of this.#subscribers.keys()) stream.push(this.#bug, PROBLEM);
    // A failure from before is reported again if it follows.
    this.#failures = new Map();
  }

  #deliverFailures(failures: ListFailures): void {
    const before = this.#failures;
    this.#bug = undefined;
    this.#failures = failures;
    for (const [stream, { filter }] of this.#subscribers) {
      const error = failureOf(filter, failures);
      if (error === undefined) stream.withdraw(PROBLEM);
      else if (failureOf(filter, before)?.code !== error.code) stream.push({ kind: 'problem', error }, PROBLEM);
    }
  }
}

function changedIds(before: Connections, after: Connections): string[] {
  const changed = [...after].filter(([id, connection]) => {
    const known = before.get(id);
    // Unchanged connections are usually the same objects.
    return known !== connection && !isDeepStrictEqual(known, connection);
  });
  return [...changed, ...[...before].filter(([id]) => !after.has(id))].map(([id]) => id);
}

/** Emits a change, merged with one that the subscriber has not received yet. */
function pushChange(
  stream: WatchStream<ListEvent>,
  filter: ConnectionFilter,
  id: string,
  before: ReadConnection | undefined,
  after: ReadConnection | undefined,
): void {
  const pending = stream.pending(id);
  const known = pending?.kind === 'change' ? pending.before : before;
  const wasListed = known !== undefined && matches(filter, known);
  const isListed = after !== undefined && matches(filter, after);
  const connection = after ?? before;
  if (connection === undefined || !(wasListed || isListed) || isDeepStrictEqual(known, after)) {
    stream.withdraw(id);
    return;
  }
  const change = wasListed ? (isListed ? ChangeKind.CHANGED : ChangeKind.REMOVED) : ChangeKind.ADDED;
  stream.push({ kind: 'change', change, connection, before: known }, id);
  if (stream.pendingCount <= MAX_PENDING) return;
  stream.withdraw();
  stream.push({ kind: 'tooMany' });
}
