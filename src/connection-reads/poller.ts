import { isDeepStrictEqual } from 'node:util';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { FairRateLimiter } from './fair-rate-limiter.js';
import type { ReadConnection } from './list-page.js';
import type { ConnectionEvent, WatchStream, Subscriber } from './watcher.js';

/** What looking at a connection again and again takes. */
export interface PollOptions {
  /**
   * Looks now, whatever was read before.
   *
   * @param mayRepeat whether a call that failed may be sent once more
   */
  look(id: string, traceId: string, mayRepeat: () => boolean): Promise<ReadConnection | undefined>;
  budget: FairRateLimiter;
  turns: PollLease;
  clock: Clock;
  /** From one look to the next while something changes, in milliseconds. */
  intervalMs: number;
  /** Told of what must not happen; the watchers are told that DLI cannot be asked. */
  onBug(error: unknown): void;
}

const MAX_INTERVAL_MS = 20_000;
// DLI may want to be left alone for longer; but it may also have recovered.
const MAX_WAIT_MS = 60_000;
const GROWTH = 1.5;
const JITTER = 0.2;

/**
 * Looks at one connection for all who watch it: often while it changes, ever more seldom while it does not, and
 * not at all when nobody watches.
 */
export class ConnectionPoller {
  readonly #id: string;
  readonly #options: PollOptions;
  readonly #watches = new Map<WatchStream, Subscriber>();
  /** Those who have not been shown anything. */
  readonly #newcomers = new Set<WatchStream>();
  readonly #stop = new AbortController();
  #intervalMs: number;
  #last: { observation: ConnectionEvent; atMs: number } | undefined;
  /** Before it DLI wants no call. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** What is being looked at may be what was before a change. */
  #mustLookAgain = false;

  constructor(id: string, options: PollOptions) {
    this.#id = id;
    this.#options = options;
    this.#intervalMs = options.intervalMs;
  }

  /** Shows a watcher what was seen last, if that is not old, and what will be seen from now on. */
  add(watch: WatchStream, watcher: Subscriber): void {
    this.#watches.set(watch, watcher);
    const { clock, intervalMs } = this.#options;
    if (this.#last !== undefined && clock.monotonicMs() - this.#last.atMs <= intervalMs) {
      watch.show(this.#last.observation);
      return;
    }
    this.#newcomers.add(watch);
    this.#lookSoon();
  }

  /** @returns whether anybody is left */
  remove(watch: WatchStream): boolean {
    this.#watches.delete(watch);
    this.#newcomers.delete(watch);
    return this.#watches.size > 0;
  }

  /** Never looks again. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Looks now, because something was changed, and again when it is looking already. */
  hurry(): void {
    this.#mustLookAgain = this.#isLooking;
    // Nobody who comes now is to see what was before.
    if (this.#last !== undefined) this.#last.atMs = Number.NEGATIVE_INFINITY;
    this.#lookSoon();
  }

  #lookSoon(): void {
    this.#intervalMs = this.#options.intervalMs;
    this.#schedule(0);
  }

  /** Takes in what was seen, here or by another process, and shows it if it is new. */
  take(observation: ConnectionEvent): void {
    const before = this.#last?.observation;
    const isNew = before === undefined || !isDeepStrictEqual(essenceOf(before), essenceOf(observation));
    const { intervalMs, clock } = this.#options;
    this.#last = { observation, atMs: clock.monotonicMs() };
    const isProblem = observation.kind === 'problem';
    this.#notBeforeMs = this.#last.atMs + (isProblem ? waitMsOf(observation.error) : 0);
    this.#intervalMs =
      isNew && !isProblem
        ? intervalMs
        : Math.max(intervalMs, Math.min(MAX_INTERVAL_MS, this.#intervalMs * GROWTH));
    for (const watch of [...(isNew ? this.#watches.keys() : this.#newcomers)]) watch.show(observation);
    this.#newcomers.clear();
    this.#schedule(this.#intervalMs * (1 + JITTER * (2 * Math.random() - 1)));
  }

  #schedule(afterMs: number): void {
    if (this.#stop.signal.aborted || this.#isLooking) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(afterMs, this.#notBeforeMs - this.#options.clock.monotonicMs());
    this.#timer = setTimeout(() => void this.#look(), waitMs).unref();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const turn = await this.#observe();
    this.#isLooking = false;
    if (this.#stop.signal.aborted) return;
    const isOutdated = this.#mustLookAgain;
    this.#mustLookAgain = false;
    if (isOutdated) {
      this.#schedule(0);
    } else if (turn === undefined) {
      // It is another process's turn, which tells what it sees; if it does not, the next turn is ours.
      this.#schedule(this.#intervalMs);
    } else {
      this.take(turn.observation);
      if (turn.isOurs) this.#options.turns.tell(this.#id, turn.observation, this.#turnMs());
    }
  }

  /** How long a turn lasts: shorter than the time to the next look, which chance makes shorter too. */
  #turnMs(): number {
    return this.#intervalMs * (1 - JITTER);
  }

  #observe(): Promise<{ observation: ConnectionEvent; isOurs: boolean } | undefined> {
    const { budget, turns } = this.#options;
    const tenants = () => [...this.#watches.values()].map(({ tenant }) => tenant);
    // The turn comes second: one that waits for the budget would run out, and another process have it too.
    return budget.run(tenants, this.#stop.signal, async ({ giveBack, takeAnother }) => {
      // After a hurry the interval is the shortest, and nobody wants to be told what is older.
      const turn = await turns.take(this.#id, this.#turnMs(), this.#intervalMs);
      if (turn === 'ours') return { observation: await this.#read(takeAnother), isOurs: true };
      giveBack();
      return turn && { observation: turn, isOurs: false };
    });
  }

  async #read(mayRepeat: () => boolean): Promise<ConnectionEvent> {
    // In the log the look is the one of who has watched longest.
    const [watcher] = this.#watches.values();
    try {
      const connection = await this.#options.look(this.#id, watcher?.traceId ?? '', mayRepeat);
      return connection === undefined ? { kind: 'absent' } : { kind: 'connection', connection };
    } catch (error) {
      if (error instanceof DliError) return { kind: 'problem', error };
      this.#options.onBug(error);
      return { kind: 'problem', error: new DliError('UNAVAILABLE', { retryAfterSeconds: 1 }) };
    }
  }
}

function waitMsOf({ retryAfterSeconds = 0 }: DliError): number {
  return Math.min(MAX_WAIT_MS, retryAfterSeconds * 1_000);
}

// A problem that goes on is told once, whatever ids its calls had.
function essenceOf(observation: ConnectionEvent): unknown {
  return observation.kind === 'problem' ? observation.error.code : observation;
}

/** Divides the looks at watched connections among processes, and passes on what each saw. */
export interface PollLease {
  /**
   * Asks for the turn to look at a connection, which lasts as long as the interval, and not so long if nothing is seen in it.
   *
   * @param maxAgeMs what is older than this and was seen by another process is not good enough
   * @returns `ours` when this process is to look; else what the one that has the turn saw, or undefined while it has
   *   not seen anything
   */
  take(id: string, intervalMs: number, maxAgeMs: number): Promise<ConnectionEvent | 'ours' | undefined>;
  /** Tells the others what this process saw in its turn, which then lasts as long as the interval. */
  tell(id: string, observation: ConnectionEvent, intervalMs: number): void;
  /** Tells the others that a connection, or one whose id is not known, was changed through this process. */
  tellChange(id: string | undefined): void;
  /** Has listeners told what the others tell. */
  listen(listeners: LeaseListeners): void;
  close(): Promise<void>;
}

/** Who wants to know what other processes tell. */
export interface LeaseListeners {
  onObservation(id: string, observation: ConnectionEvent): void;
  onChange(id: string | undefined): void;
}

/** The turns of a process that is alone. */
export const LOCAL_LEASE: PollLease = {
  take: async () => 'ours',
  tell: () => undefined,
  tellChange: () => undefined,
  listen: () => undefined,
  close: async () => undefined,
};
