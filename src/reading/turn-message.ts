import { z } from 'zod';
import type { DliErrorCode } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { ReadConnection } from './connection-list.js';
import type { Observation } from './watch.js';

/** What one process tells the others: what it saw, or, without an observation, that something was changed. */
export interface TurnMessage {
  /** The process. */
  from: string;
  /** The connection; undefined when it is not known which was changed. */
  id?: string | undefined;
  observation?: Observation | undefined;
}

/** What was seen in a turn, and when: milliseconds since 1970-01-01 UTC. */
export interface Seen {
  atMs: number;
  observation: Observation;
}

// Gateways of the same version write these, and nobody else has Redis's password; only what code relies on is checked.
const wireObservation = z.union([
  z.object({
    kind: z.literal('connection'),
    connection: z.custom<ReadConnection>(
      value => typeof value === 'object' && value !== null && 'id' in value && 'queues' in value,
    ),
  }),
  z.object({ kind: z.literal('absent') }),
  z.object({
    kind: z.literal('problem'),
    code: z.custom<DliErrorCode>(value => typeof value === 'string'),
    retryAfterSeconds: z.number().optional(),
  }),
]);
const message = z.object({
  from: z.string(),
  id: z.string().optional(),
  observation: wireObservation.optional(),
});
const seen = z.object({ atMs: z.number(), observation: wireObservation });

/** The text of a message. */
export function writeMessage({ from, id, observation }: TurnMessage): string {
  return JSON.stringify({ from, id, observation: observation && toWire(observation) });
}

/** The message of a text; undefined when it is none. */
export function readMessage(text: string): TurnMessage | undefined {
  const { data } = message.safeParse(parseJson(text));
  return data && { ...data, observation: data.observation && fromWire(data.observation) };
}

/** The text of what was seen. */
export function writeSeen({ atMs, observation }: Seen): string {
  return JSON.stringify({ atMs, observation: toWire(observation) });
}

/** What was seen; undefined when nothing was yet. */
export function readSeen(text: string | null): Seen | undefined {
  const { data } = seen.safeParse(parseJson(text ?? ''));
  return data && { atMs: data.atMs, observation: fromWire(data.observation) };
}

function toWire(observation: Observation): z.input<typeof wireObservation> {
  if (observation.kind !== 'problem') return observation;
  const { code, retryAfterSeconds } = observation.error;
  return { kind: 'problem', code, retryAfterSeconds };
}

function fromWire(observation: z.output<typeof wireObservation>): Observation {
  if (observation.kind !== 'problem') return observation;
  const { code, retryAfterSeconds } = observation;
  return { kind: 'problem', error: new DliError(code, { retryAfterSeconds }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
