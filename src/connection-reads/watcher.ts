import type { Resource } from '../dli/connection.js';
import { CONNECTION_ID, stateOfWireName } from '../dli/connection.js';
import type { DliError } from '../dli/dli-error.js';
import type { TraceContext } from '../lib/logger.js';
import type { ConnectionFilter } from './connection-filter.js';
import type { ReadConnection } from './connection-snapshot.js';
import type { ListEvent } from './list-poller.js';
import { endsWatch, ListPoller } from './list-poller.js';
import type { PollerDependencies } from './poller.js';
import { ConnectionPoller } from './poller.js';
import { areBindingsSettled, isSettled } from './readiness.js';
import type { ConnectionChange } from './recent-changes.js';
import { WatchStream } from './watch-stream.js';

/** The result of a poll: the state of a connection, its absence, or the error of the read from DLI. */
export type PollResult =
  | { kind: 'connection'; connection: ReadConnection }
  | { kind: 'absent' }
  | { kind: 'problem'; error: DliError };

/** The result of a poll, or a bug of the gateway that prevented it. */
export type ConnectionEvent = PollResult | { kind: 'bug'; error: unknown };

/** Lease that divides the polls of watched connections among processes and shares their results. */
export interface PollLease {
  /**
   * Acquires the poll lease of a connection for `leaseMs` (2 s until the first result is published).
   *
   * @param maxAgeMs maximum age of the holder's result; if it is older, it is ignored and the lease is taken over
   * @returns 'acquired' if this process must poll; else the result of the holder, or undefined if there is none yet
   */
  acquire(id: string, leaseMs: number, maxAgeMs: number): Promise<PollResult | 'acquired' | undefined>;
  /** Publishes the result of a poll and extends the lease to `leaseMs`. */
  publish(id: string, result: PollResult, leaseMs: number): void;
  /** Notifies other processes of a change. */
  publishChange(change: ConnectionChange): void;
  /** Calls the listeners for messages of other processes. */
  subscribe(listeners: LeaseListeners): void;
  /** Ends the exchange with other processes. */
  close(): Promise<void>;
}

/** Listeners for messages of other processes. */
export interface LeaseListeners {
  /** Called with the result of a poll. */
  onResult(id: string, result: PollResult): void;
  /** Called with a change that another process has made. */
  onChange(change: ConnectionChange): void;
}

/** The lease of a single process, which always polls. */
export const LOCAL_LEASE: PollLease = {
  acquire: async () => 'acquired',
  publish: () => undefined,
  publishChange: () => undefined,
  subscribe: () => undefined,
  close: async () => undefined,
};

/** The caller that watches a connection. */
export interface Subscriber {
  trace: TraceContext;
  tenant: string;
  /** Calls `listener` when the caller disconnects. */
  onDisconnect?: ((listener: () => void) => void) | undefined;
}

/** The limit of watches, in total or per tenant, is reached. */
export class TooManyWatchesError extends Error {
  override readonly name = 'TooManyWatchesError';
}

interface Dependencies extends PollerDependencies {
  maxWatches: number;
  maxWatchesPerTenant: number;
}

/** Watches connections for any number of subscribers, with one poller per connection and one for the list. */
export class ConnectionWatcher {
  readonly #pollers = new Map<string, ConnectionPoller>();
  /** Undefined while nobody watches the list. */
  #listPoller: ListPoller | undefined;
  readonly #streams = new Set<{ end(): void }>();
  readonly #watchesPerTenant = new Map<string, number>();
  /** Streams of {@link waitFor}. */
  readonly #waits = new Set<WatchStream<ConnectionEvent>>();
  #isStopping = false;

  constructor(private readonly dependencies: Dependencies) {
    dependencies.metrics.read('dli_gateway_followed_connections', () => this.#pollers.size);
    dependencies.lease.subscribe({
      onResult: (id, result) => this.#pollers.get(keyOf(id))?.deliver(result),
      onChange: change => this.#onChange(change),
    });
  }

  /**
   * Streams the current state of a connection and every change. Ends when a classic one is ACTIVE, FAILED or DELETED,
   * and when an enhanced one is DELETED, or has no binding that is CREATING and all resources to wait for are bound or
   * have failed to bind. An outage of DLI is reported once and does not end the stream.
   *
   * @param until for each resource to wait for, the names under which it may be bound, in lower case: its own and its
   *   pool's
   * @throws {TooManyWatchesError}
   */
  watch(
    id: string,
    subscriber: Subscriber,
    until: readonly (readonly Resource[])[] = [],
  ): WatchStream<ConnectionEvent> {
    return this.#open(keyOf(id), subscriber, event => isFinal(event, until));
  }

  /**
   * Streams the changes of the connections that match a filter, compared with the latest snapshot of the list. An
   * outage of DLI is reported once and does not end the stream.
   *
   * @throws {TooManyWatchesError}
   */
  watchList(filter: ConnectionFilter, subscriber: Subscriber): WatchStream<ListEvent> {
    const stream = new WatchStream<ListEvent>(endsWatch, ended => {
      if (!this.#release(ended, subscriber) || this.#listPoller?.remove(ended) !== false) return;
      this.#listPoller.stop();
      this.#listPoller = undefined;
    });
    this.#register(stream, subscriber);
    this.#listPoller ??= new ListPoller(this.dependencies);
    this.#listPoller.add(stream, filter, subscriber);
    return stream;
  }

  /**
   * Waits until an event matches, the connection is gone, or the time is up. Resolves with the latest event, if any.
   *
   * @throws {TooManyWatchesError}
   */
  async waitFor(
    id: string,
    subscriber: Subscriber,
    isMatch: (event: ConnectionEvent) => boolean,
    timeoutMs: number,
  ): Promise<ConnectionEvent | undefined> {
    const stream = this.#open(keyOf(id), subscriber, event => isGone(event) || isMatch(event));
    subscriber.onDisconnect?.(() => stream.end());
    if (this.#isStopping) stream.end();
    const timer = setTimeout(() => stream.end(), timeoutMs);
    this.#waits.add(stream);
    let latest: ConnectionEvent | undefined;
    try {
      for await (const event of stream) latest = event;
      return latest;
    } finally {
      clearTimeout(timer);
      this.#waits.delete(stream);
    }
  }

  /** Reports a change made by this process to all readers, here and in other processes, and polls the connection. */
  applyChange(change: ConnectionChange): void {
    // First, so that no process uses the result of an earlier lease.
    this.dependencies.lease.publishChange(change);
    this.#onChange(change);
  }

  /** Ends all waits with their latest event. Streams of {@link watch} stay open: their connections have not settled. */
  endWaits(): void {
    this.#isStopping = true;
    for (const stream of this.#waits) stream.end();
  }

  async close(): Promise<void> {
    this.endWaits();
    for (const stream of [...this.#streams]) stream.end();
    await this.dependencies.lease.close();
  }

  #open(id: string, subscriber: Subscriber, isLast: (event: ConnectionEvent) => boolean): WatchStream<ConnectionEvent> {
    const stream = new WatchStream(isLast, ended => this.#remove(id, subscriber, ended));
    // DLI has no connection with a malformed id.
    if (!CONNECTION_ID.test(id)) {
      stream.push({ kind: 'absent' });
      return stream;
    }
    this.#register(stream, subscriber);
    const poller = this.#pollers.get(id) ?? new ConnectionPoller(id, this.dependencies);
    this.#pollers.set(id, poller);
    poller.add(stream, subscriber);
    return stream;
  }

  /** @throws {TooManyWatchesError} */
  #register(stream: { end(): void }, { tenant }: Subscriber): void {
    const watchesOfTenant = this.#watchesPerTenant.get(tenant) ?? 0;
    const { maxWatches, maxWatchesPerTenant } = this.dependencies;
    if (this.#streams.size >= maxWatches || watchesOfTenant >= maxWatchesPerTenant) {
      this.dependencies.metrics.count('dli_gateway_rate_limited_total', { kind: 'watches' });
      throw new TooManyWatchesError();
    }
    this.#streams.add(stream);
    this.#watchesPerTenant.set(tenant, watchesOfTenant + 1);
  }

  /** @returns false if the stream was not registered */
  #release(stream: { end(): void }, { tenant }: Subscriber): boolean {
    if (!this.#streams.delete(stream)) return false;
    const watchesLeft = (this.#watchesPerTenant.get(tenant) ?? 1) - 1;
    if (watchesLeft === 0) this.#watchesPerTenant.delete(tenant);
    else this.#watchesPerTenant.set(tenant, watchesLeft);
    return true;
  }

  #remove(id: string, subscriber: Subscriber, stream: WatchStream<ConnectionEvent>): void {
    if (!this.#release(stream, subscriber)) return;
    const poller = this.#pollers.get(id);
    if (poller === undefined || poller.remove(stream)) return;
    poller.stop();
    this.#pollers.delete(id);
  }

  #onChange(change: ConnectionChange): void {
    this.dependencies.reader.applyChange(change);
    this.#listPoller?.pollNow();
    if (change.id !== undefined) this.#pollers.get(keyOf(change.id))?.pollNow();
  }
}

// DLI accepts ids in either case.
function keyOf(id: string): string {
  return id.toLowerCase();
}

function isGone(event: ConnectionEvent): boolean {
  if (event.kind === 'connection') return stateOfWireName(event.connection.state) === 'DELETED';
  return event.kind === 'absent';
}

// Creating a classic connection and binding an enhanced one are the only long-running operations of DLI.
function isFinal(event: ConnectionEvent, until: readonly (readonly Resource[])[]): boolean {
  if (isGone(event)) return true;
  if (event.kind !== 'connection') return false;
  const { connection } = event;
  if (connection.kind === 'ENHANCED') return isSettled(connection) && areBindingsSettled(connection, until);
  const state = stateOfWireName(connection.state);
  return state === 'ACTIVE' || state === 'FAILED';
}
