import { isConnectionId, stateOfWireName } from '../dli/connection.js';
import type { DliError } from '../dli/dli-error.js';
import type { ReadConnection } from './list-page.js';
import type { PollOptions } from './poller.js';
import { ConnectionPoll } from './poller.js';
import type { ConnectionReads } from './reader.js';

/** So many watch already that another one must wait. */
export class TooManyWatchesError extends Error {
  override readonly name = 'TooManyWatchesError';
}

/** What following connections takes. */
type FollowerOptions = Omit<PollOptions, 'look'> & {
  reads: ConnectionReads;
  maxWatches: number;
  maxWatchesOfTenant: number;
};

/** Lets any number of watchers follow connections, each of which is looked at once for all of them. */
export class ConnectionFollower {
  readonly #options: FollowerOptions;
  readonly #polls = new Map<string, ConnectionPoll>();
  readonly #watches = new Set<Watch>();
  readonly #watchesOf = new Map<string, number>();
  /** Those that wait for one answer. */
  readonly #waits = new Set<Watch>();
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
  follow(id: string, watcher: Watcher): Watch {
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
    watcher: Watcher,
    isAwaited: (observation: Observation) => boolean,
    waitMs: number,
  ): Promise<Observation | undefined> {
    const watch = this.#watch(
      keyOf(id),
      watcher,
      observation => isGone(observation) || isAwaited(observation),
    );
    watcher.onGone?.(() => watch.end());
    if (this.#isStopping) watch.end();
    const timer = setTimeout(() => watch.end(), waitMs);
    this.#waits.add(watch);
    let latest: Observation | undefined;
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

  #watch(id: string, watcher: Watcher, isLast: (observation: Observation) => boolean): Watch {
    const { tenant } = watcher;
    const watch = new Watch(isLast, ended => this.#remove(id, tenant, ended));
    // No connection has such an id, so there is nobody to ask.
    if (!isConnectionId(id)) {
      watch.show({ kind: 'absent' });
      return watch;
    }
    const ofTenant = this.#watchesOf.get(tenant) ?? 0;
    const { reads, maxWatches, maxWatchesOfTenant, ...options } = this.#options;
    if (this.#watches.size >= maxWatches || ofTenant >= maxWatchesOfTenant) throw new TooManyWatchesError();
    const poll = this.#polls.get(id) ?? new ConnectionPoll(id, { ...options, look: reads.look.bind(reads) });
    this.#polls.set(id, poll);
    this.#watches.add(watch);
    this.#watchesOf.set(tenant, ofTenant + 1);
    poll.add(watch, watcher);
    return watch;
  }

  #remove(id: string, tenant: string, watch: Watch): void {
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

function isGone(observation: Observation): boolean {
  if (observation.kind === 'problem') return false;
  return observation.kind === 'absent' || stateOfWireName(observation.connection.state) === 'DELETED';
}

// DLI works on nothing but creations.
function isSettled(observation: Observation): boolean {
  if (isGone(observation)) return true;
  if (observation.kind !== 'connection') return false;
  const state = stateOfWireName(observation.connection.state);
  return state === 'ACTIVE' || state === 'FAILED';
}

/** What a look at a connection came to: it, its absence, or the reason why DLI could not be asked. */
export type Observation =
  | { kind: 'connection'; connection: ReadConnection }
  | { kind: 'absent' }
  | { kind: 'problem'; error: DliError };

/** Who watches. */
export interface Watcher {
  traceId: string;
  tenant: string;
  /** Has a listener told when the watcher has gone. */
  onGone?: ((listener: () => void) => void) | undefined;
}

/**
 * What one watcher gets to see, in order. A watcher who is slow is shown the latest, not all that came in between,
 * so that it cannot pile up.
 */
export class Watch implements AsyncIterableIterator<Observation> {
  readonly #isLast: (observation: Observation) => boolean;
  readonly #onEnd: (watch: Watch) => void;
  #latest: Observation | undefined;
  #isEnded = false;
  #waiting: (() => void)[] = [];

  /**
   * @param isLast whether there is nothing to wait for after an observation
   * @param onEnd called once, when nobody watches any more
   */
  constructor(isLast: (observation: Observation) => boolean, onEnd: (watch: Watch) => void) {
    this.#isLast = isLast;
    this.#onEnd = onEnd;
  }

  /** Shows an observation, unless the watch has ended. */
  show(observation: Observation): void {
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

  async next(): Promise<IteratorResult<Observation, undefined>> {
    while (this.#latest === undefined && !this.#isEnded)
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    const value = this.#latest;
    this.#latest = undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<Observation, undefined>> {
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
