import { setTimeout as delay } from 'node:timers/promises';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import type { OperationContext } from './dli-error.js';
import type { ConnectionList } from './responses.js';

const PAUSE_MS = 1_000;
const LIST_TIMEOUT_MS = 20_000;

/** A list read that all callers share: one at a time, with a pause of a second after each. */
export class SharedList {
  /** The next read, which has not begun. One that has begun proves nothing about what DLI says later. */
  #next: Promise<ConnectionList> | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly read: (context: OperationContext) => Promise<ConnectionList>,
  ) {}

  /**
   * Resolves with a list whose read begins after this call.
   *
   * @param trace for the log, if this is the first caller of that read
   * @throws what the read throws
   */
  readNext(trace: TraceContext): Promise<ConnectionList> {
    this.#next ??= this.#readInTurn(trace);
    return this.#next;
  }

  async #readInTurn(trace: TraceContext): Promise<ConnectionList> {
    await this.#running;
    const pauseMs = this.#endedAtMs + PAUSE_MS - this.clock.monotonicMs();
    if (pauseMs > 0) await delay(pauseMs, undefined, { ref: false });
    this.#next = undefined;
    const list = this.read({ trace, deadline: new Deadline(this.clock, LIST_TIMEOUT_MS) });
    const onEnd = () => {
      this.#endedAtMs = this.clock.monotonicMs();
    };
    this.#running = list.then(onEnd, onEnd);
    return list;
  }
}
