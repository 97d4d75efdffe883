import { CONNECTION_ID, stateOfWireName } from '../dli/connection.js';
import type { DliError } from '../dli/dli-error.js';
import type { ReadConnection } from './list-page.js';
import type { ConnectionChange } from './own-changes.js';
import type { PollerDependencies } from './poller.js';
import { ConnectionPoller } from './poller.js';

/** The state of a watched connection, its absence, or the error of the read from DLI. */
export type ConnectionEvent =
  | { kind: 'connection'; connection: ReadConnection }
  | { kind: 'absent' }
  | { kind: 'problem'; error: DliError };

/** The caller that watches a connection. */
export interface Subscriber {
  traceId: string;
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

/** Watches connections for any number of subscribers, with one poller per connection. */
export class ConnectionWatcher {
  readonly #pollers = new Map<string, ConnectionPoller>();
  readonly #streams = new Set<WatchStream>();
  readonly #watchesPerTenant = new Map<string, number>();
  /** Streams of {@link waitFor}. */
  readonly #waits = new Set<WatchStream>();
  #isStopping = false;

  constructor(private readonly dependencies: Dependencies) {
    dependencies.lease.subscribe({
      onEvent: (id, event) => this.#pollers.get(keyOf(id))?.deliver(event),
      onChange: change => this.#onChange(change),
    });
  }

  /**
   * Streams the current state of a connection and every change, until it is ACTIVE, FAILED or DELETED. An outage of
   * DLI is reported once and does not end the stream.
   *
   * @throws {TooManyWatchesError}
   */
  watch(id: string, subscriber: Subscriber): WatchStream {
    return this.#open(keyOf(id), subscriber, isFinal);
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

  /** Reports a change through this process to all readers, here and in other processes, and polls the connection. */
  notice(change: ConnectionChange): void {
    // First, so that no process uses the result of an earlier lease.
    this.dependencies.lease.publishChange(change);
    this.#onChange(change);
  }

  /** Ends all waits with their latest event. Streams of {@link watch} stay open: the connection did not end. */
  endWaits(): void {
    this.#isStopping = true;
    for (const stream of this.#waits) stream.end();
  }

  async close(): Promise<void> {
    this.endWaits();
    for (const stream of [...this.#streams]) stream.end();
    await this.dependencies.lease.close();
  }

  #open(id: string, subscriber: Subscriber, isLast: (event: ConnectionEvent) => boolean): WatchStream {
    const { tenant } = subscriber;
    const stream = new WatchStream(isLast, ended => this.#remove(id, tenant, ended));
    // DLI has no connection with a malformed id.
    if (!CONNECTION_ID.test(id)) {
      stream.push({ kind: 'absent' });
      return stream;
    }
    const watchesOfTenant = this.#watchesPerTenant.get(tenant) ?? 0;
    const { maxWatches, maxWatchesPerTenant } = this.dependencies;
    if (this.#streams.size >= maxWatches || watchesOfTenant >= maxWatchesPerTenant) throw new TooManyWatchesError();
    const poller = this.#pollers.get(id) ?? new ConnectionPoller(id, this.dependencies);
    this.#pollers.set(id, poller);
    this.#streams.add(stream);
    this.#watchesPerTenant.set(tenant, watchesOfTenant + 1);
    poller.add(stream, subscriber);
    return stream;
  }

  #remove(id: string, tenant: string, stream: WatchStream): void {
    if (!this.#streams.delete(stream)) return;
    const watchesLeft = (this.#watchesPerTenant.get(tenant) ?? 1) - 1;
    if (watchesLeft === 0) this.#watchesPerTenant.delete(tenant);
    else this.#watchesPerTenant.set(tenant, watchesLeft);
    const poller = this.#pollers.get(id);
    if (poller === undefined || poller.remove(stream)) return;
    poller.stop();
    this.#pollers.delete(id);
  }

  #onChange(change: ConnectionChange): void {
    this.dependencies.reader.notice(change);
    if (change.id !== undefined) this.#pollers.get(keyOf(change.id))?.pollNow();
  }
}

// DLI accepts ids in either case.
function keyOf(id: string): string {
  return id.toLowerCase();
}

function isGone(event: ConnectionEvent): boolean {
  if (event.kind === 'problem') return false;
  return event.kind === 'absent' || stateOfWireName(event.connection.state) === 'DELETED';
}

// Creation is the only long-running operation of DLI on a connection.
function isFinal(event: ConnectionEvent): boolean {
  if (isGone(event)) return true;
  if (event.kind !== 'connection') return false;
  const state = stateOfWireName(event.connection.state);
  return state === 'ACTIVE' || state === 'FAILED';
}

/** Events of one watch, in order. A slow subscriber gets the latest event only, so that events do not pile up. */
export class WatchStream implements AsyncIterableIterator<ConnectionEvent> {
  #latest: ConnectionEvent | undefined;
  #isEnded = false;
  #pendingReads: (() => void)[] = [];

  /** `isLast`: whether an event ends the stream. `onEnd` is called once, when the stream ends. */
  constructor(
    private readonly isLast: (event: ConnectionEvent) => boolean,
    private readonly onEnd: (stream: WatchStream) => void,
  ) {}

  /** Emits an event, unless the stream has ended. */
  push(event: ConnectionEvent): void {
    if (this.#isEnded) return;
    this.#latest = event;
    if (this.isLast(event)) this.end();
    else this.#wake();
  }

  /** Ends the stream after the events emitted so far. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.onEnd(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<ConnectionEvent, undefined>> {
    while (this.#latest === undefined && !this.#isEnded)
      await new Promise<void>(resolve => this.#pendingReads.push(resolve));
    const value = this.#latest;
    this.#latest = undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<ConnectionEvent, undefined>> {
    this.#latest = undefined;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    for (const resolve of this.#pendingReads.splice(0)) resolve();
  }
}
