import type { Observation } from './watch.js';

/** Divides the looks at watched connections among processes, and passes on what each saw. */
export interface PollTurns {
  /** Whether this process looks at a connection now; false when another one has it for as long as the interval. */
  take(id: string, intervalMs: number): Promise<boolean>;
  /** Tells the others what this process saw. */
  tell(id: string, observation: Observation): void;
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
  take: async () => true,
  tell: () => undefined,
  tellChange: () => undefined,
  listen: () => undefined,
  close: async () => undefined,
};
