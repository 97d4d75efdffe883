import { isConnectionId, stateOfWireName } from '../dli/connection.js';
import type { DliError } from '../dli/dli-error.js';
import type { ReadConnection } from './list-page.js';
import type { PollOptions } from './poller.js';
import { ConnectionPoller } from './poller.js';
import type { ConnectionReader } from './reader.js';

/** So many watch already that another one must wait. */
export class TooManyWatchesError extends Error {
  override readonly name = 'TooManyWatchesError';
}

/** What following connections takes. */
type FollowerOptions = Omit<PollOptions, 'look'> & {
  reads: ConnectionReader;
  maxWatches: number;
  maxWatchesOfTenant: number;
};

/** Lets any number of watchers follow connections, each of which is looked at once for all of them. */
export class ConnectionWatcher {
  readonly #options: FollowerOptions;
  readonly #polls = new Map<string, ConnectionPoller>();
  readonly #watches = new Set<WatchStream>();
  readonly #watchesOf = new Map<string, number>();
  /** Those that wait for one answer. */
  readonly #waits = new Set<WatchStream>();
  #isStopping = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    options.turns.listen({
      onObservation: (id, observation) => this.#polls.get(keyOf(id))?.take(observation),
      onChange: id => this.#onChange(id),
    });
  }

  /**
   * What becomes of a connection: how it stands, and then every change, until DLI is done with it. A problem of
   * DLI's is shown once, and the watch goes on.
   *
   * @throws {TooManyWatchesError}
   */
  follow(id: string, watcher: Subscriber): WatchStream {
    return this.#watch(keyOf(id), watcher, isSettled);
  }

  /**
   * A connection as soon as it is in another state, or how it stands when the time is over.
   *
   * @param isAwaited whether an observation is what is waited for
   * @param waitMs milliseconds
   * @throws {TooManyWatchesError}
   */
  async waitFor(
    id: string,
    watcher: Subscriber,
    isAwaited: (observation: ConnectionEvent) => boolean,
    waitMs: number,
  ): Promise<ConnectionEvent | undefined> {
    const watch = this.#watch(
      keyOf(id),
      watcher,
      observation => isGone(observation) || isAwaited(observation),
    );
    watcher.onGone?.(() => watch.end());
    if (this.#isStopping) watch.end();
    const timer = setTimeout(() => watch.end(), waitMs);
    this.#waits.add(watch);
    let latest: ConnectionEvent | undefined;
    try {
      for await (const observation of watch) latest = observation;
      return latest;
    } finally {
      clearTimeout(timer);
      this.#waits.delete(watch);
    }
  }

  /**
   * Notes that something was changed through this process, so that nobody is shown what was before.
   *
   * @param id of the connection; undefined when it is not known
   */
  noteChange(id: string | undefined): void {
    // First, so that nobody is told what the turns before it saw.
    this.#options.turns.tellChange(id);
    this.#onChange(id);
  }

  /**
   * Has everybody who waits answered now. Who follows is not told of an end: that is not the connection's, and they
   * are to follow again elsewhere.
   */
  stopWaiting(): void {
    this.#isStopping = true;
    for (const watch of this.#waits) watch.end();
  }

  /** Ends every watch. */
  async close(): Promise<void> {
    this.stopWaiting();
    for (const watch of [...this.#watches]) watch.end();
    await this.#options.turns.close();
  }

  #watch(id: string, watcher: Subscriber, isLast: (observation: ConnectionEvent) => boolean): WatchStream {
    const { tenant } = watcher;
    const watch = new WatchStream(isLast, ended => this.#remove(id, tenant, ended));
    // No connection has such an id, so there is nobody to ask.
    if (!isConnectionId(id)) {
      watch.show({ kind: 'absent' });
      return watch;
    }
    const ofTenant = this.#watchesOf.get(tenant) ?? 0;
    const { reads, maxWatches, maxWatchesOfTenant, ...options } = this.#options;
    if (this.#watches.size >= maxWatches || ofTenant >= maxWatchesOfTenant) throw new TooManyWatchesError();
    const poll = this.#polls.get(id) ?? new ConnectionPoller(id, { ...options, look: reads.look.bind(reads) });
    this.#polls.set(id, poll);
    this.#watches.add(watch);
    this.#watchesOf.set(tenant, ofTenant + 1);
    poll.add(watch, watcher);
    return watch;
  }

  #remove(id: string, tenant: string, watch: WatchStream): void {
    if (!this.#watches.delete(watch)) return;
    const left = (this.#watchesOf.get(tenant) ?? 1) - 1;
    if (left === 0) this.#watchesOf.delete(tenant);
    else this.#watchesOf.set(tenant, left);
    const poll = this.#polls.get(id);
    if (poll === undefined || poll.remove(watch)) return;
    poll.stop();
    this.#polls.delete(id);
  }

  #onChange(id: string | undefined): void {
    this.#options.reads.forget(id);
    if (id !== undefined) this.#polls.get(keyOf(id))?.hurry();
  }
}

// DLI may be asked in either case; they are one connection.
function keyOf(id: string): string {
  return id.toLowerCase();
}

function isGone(observation: ConnectionEvent): boolean {
  if (observation.kind === 'problem') return false;
  return observation.kind === 'absent' || stateOfWireName(observation.connection.state) === 'DELETED';
}

// DLI works on nothing but creations.
function isSettled(observation: ConnectionEvent): boolean {
  if (isGone(observation)) return true;
  if (observation.kind !== 'connection') return false;
  const state = stateOfWireName(observation.connection.state);
  return state === 'ACTIVE' || state === 'FAILED';
}

/** What a look at a connection came to: it, its absence, or the reason why DLI could not be asked. */
export type ConnectionEvent =
  | { kind: 'connection'; connection: ReadConnection }
  | { kind: 'absent' }
  | { kind: 'problem'; error: DliError };

/** Who watches. */
export interface Subscriber {
  traceId: string;
  tenant: string;
  /** Has a listener told when the watcher has gone. */
  onGone?: ((listener: () => void) => void) | undefined;
}

/**
 * What one watcher gets to see, in order. A watcher who is slow is shown the latest, not all that came in between,
 * so that it cannot pile up.
 */
export class WatchStream implements AsyncIterableIterator<ConnectionEvent> {
  readonly #isLast: (observation: ConnectionEvent) => boolean;
  readonly #onEnd: (watch: WatchStream) => void;
  #latest: ConnectionEvent | undefined;
  #isEnded = false;
  #waiting: (() => void)[] = [];

  /**
   * @param isLast whether there is nothing to wait for after an observation
   * @param onEnd called once, when nobody watches any more
   */
  constructor(isLast: (observation: ConnectionEvent) => boolean, onEnd: (watch: WatchStream) => void) {
    this.#isLast = isLast;
    this.#onEnd = onEnd;
  }

  /** Shows an observation, unless the watch has ended. */
  show(observation: ConnectionEvent): void {
    if (this.#isEnded) return;
    this.#latest = observation;
    if (this.#isLast(observation)) this.end();
    else this.#wake();
  }

  /** Ends the watch after what has been shown. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<ConnectionEvent, undefined>> {
    while (this.#latest === undefined && !this.#isEnded)
      await new Promise<void>(resolve => this.#waiting.push(resolve));
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
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
