import type { Observation } from './watch.js';

/** Divides the looks at watched connections among processes, and passes on what each saw. */
export interface PollTurns {
  /**
   * Asks for the turn to look at a connection, which lasts as long as the interval, and not so long if nothing is seen in it.
   *
   * @param maxAgeMs what is older than this and was seen by another process is not good enough
   * @returns `ours` when this process is to look; else what the one that has the turn saw, or undefined while it has
   *   not seen anything
   */
  take(id: string, intervalMs: number, maxAgeMs: number): Promise<Observation | 'ours' | undefined>;
  /** Tells the others what this process saw in its turn, which then lasts as long as the interval. */
  tell(id: string, observation: Observation, intervalMs: number): void;
  /** Tells the others that a connection, or one whose id is not known, was changed through this process. */
  tellChange(id: string | undefined): void;
  /** Has listeners told what the others tell. */
  listen(listeners: TurnListeners): void;
  close(): Promise<void>;
}

/** Who wants to know what other processes tell. */
export interface TurnListeners {
  onObservation(id: string, observation: Observation): void;
  onChange(id: string | undefined): void;
}

/** The turns of a process that is alone. */
export const ALONE: PollTurns = {
  take: async () => 'ours',
  tell: () => undefined,
  tellChange: () => undefined,
  listen: () => undefined,
  close: async () => undefined,
};
