import type { Fault } from './fault.js';
import { faultSchema } from './fault.js';
import type { LedgerOperation } from './operation.js';
import { describeProblems } from './problems.js';

/** A fault that waits for requests, and how many it will still let pass and hit (`null` = until cleared). */
export interface QueuedFault {
  readonly fault: Fault;
  readonly passesLeft: number;
  readonly hitsLeft: number | null;
}

/** Scripted faults in the order in which they were added. */
export class FaultQueue {
  #queue: { fault: Fault; passesLeft: number; hitsLeft: number }[] = [];

  /**
   * Adds a fault behind the others.
   * @throws {TypeError} when it is not a well-formed fault; the message names each bad key.
   */
  add(fault: Fault): void {
    const result = faultSchema.safeParse(fault);
    if (!result.success) throw new TypeError(`Bad fault: ${describeProblems(result.error).join('; ')}`);
    const { skip = 0, times = 1 } = result.data;
    this.#queue.push({
      fault: result.data,
      passesLeft: skip,
      hitsLeft: times === 0 ? Number.POSITIVE_INFINITY : times,
    });
  }

  /**
   * The first fault that hits a request for this operation, counted as used.
   *
   * @param name takes from the faults for this name; without it, from those for any
   */
  take(operation: LedgerOperation, name?: string): Fault | undefined {
    for (const queued of this.#queue) {
      if (queued.fault.name !== name) continue;
      if (queued.fault.operation !== 'any' && queued.fault.operation !== operation) continue;
      if (queued.passesLeft > 0) {
        queued.passesLeft -= 1;
        continue;
      }
      queued.hitsLeft -= 1;
      if (queued.hitsLeft === 0) this.#queue = this.#queue.filter(other => other !== queued);
      return queued.fault;
    }
    return undefined;
  }

  /** What still waits. */
  list(): QueuedFault[] {
    return this.#queue.map(({ fault, passesLeft, hitsLeft }) => ({
      fault,
      passesLeft,
      hitsLeft: Number.isFinite(hitsLeft) ? hitsLeft : null,
    }));
  }

  /** Drops all faults; requests that were already hit stay so. */
  clear(): void {
    this.#queue = [];
  }
}
