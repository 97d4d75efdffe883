import { hash, randomUUID } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { z } from 'zod';
import type { DliErrorCode } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import { parseJson } from '../lib/json.js';
import type { Logger } from '../lib/logger.js';
import { connectBestEffort, closeRedis } from '../lib/redis-client.js';
import type { ReadConnection } from './list-page.js';
import type { PollLease, LeaseListeners } from './poller.js';
import type { ConnectionEvent } from './watcher.js';

const MAX_UNSEEN_MS = 2_000;
// With braces of its own, so that it need not share a slot of a cluster with the records. The version is that of
// the messages: gateways of another one are not understood.
const PREFIX = 'dli-gateway:{follow}:1';

/**
 * Turns that gateways divide through Redis: a key with a life of one interval is the turn, and its value is what was
 * seen in it. While Redis does not answer each process looks by itself.
 *
 * @param project what the gateways that share turns have in common; connections of others are not told here
 */
export async function openRedisPollLease(
  address: RedisOptions,
  project: string,
  log: Logger,
): Promise<PollLease> {
  const commands = await connectBestEffort(address, isUsable => {
    if (isUsable)
      log.info({ operation: 'follow', outcome: 'shared' }, 'gateways follow connections together again');
    else log.warn({ operation: 'follow', outcome: 'alone' }, 'REDIS_URL: every gateway follows alone');
  });
  const messages = commands.duplicate({
    commandTimeout: undefined,
    socketTimeout: undefined,
    enableOfflineQueue: true,
    // A subscription that is lost is made again with the next connection.
    autoResubscribe: true,
    maxRetriesPerRequest: null,
  });
  messages.on('error', () => undefined);
  return new RedisPollLease(commands, messages, `${PREFIX}:${hash('sha256', project, 'base64url')}`);
}

class RedisPollLease implements PollLease {
  readonly #commands: Redis;
  readonly #messages: Redis;
  readonly #prefix: string;
  /** Tells our own messages from those of others. */
  readonly #self = randomUUID();

  constructor(commands: Redis, messages: Redis, prefix: string) {
    this.#commands = commands;
    this.#messages = messages;
    this.#prefix = prefix;
  }

  async take(id: string, intervalMs: number, maxAgeMs: number): Promise<ConnectionEvent | 'ours' | undefined> {
    const key = this.#keyOf(id);
    // Who has it may be gone; until something was seen the turn is short.
    const lifeMs = Math.ceil(Math.min(intervalMs, MAX_UNSEEN_MS));
    try {
      if ((await this.#commands.set(key, '', 'PX', lifeMs, 'NX')) === 'OK') return 'ours';
      const seen = readSeen(await this.#commands.get(key));
      if (seen === undefined || Date.now() - seen.atMs <= maxAgeMs) return seen?.observation;
      await this.#commands.set(key, '', 'PX', lifeMs);
      return 'ours';
    } catch {
      return 'ours';
    }
  }

  tell(id: string, observation: ConnectionEvent, intervalMs: number): void {
    const seen = writeSeen({ atMs: Date.now(), observation });
    this.#try(this.#commands.set(this.#keyOf(id), seen, 'PX', Math.ceil(intervalMs)));
    this.#publish({ from: this.#self, id, observation });
  }

  tellChange(id: string | undefined): void {
    if (id !== undefined) this.#try(this.#commands.del(this.#keyOf(id)));
    this.#publish({ from: this.#self, id });
  }

  listen({ onObservation, onChange }: LeaseListeners): void {
    this.#messages.on('message', (_channel, text) => {
      const message = readMessage(text);
      if (message === undefined || message.from === this.#self) return;
      if (message.observation === undefined) onChange(message.id);
      else if (message.id !== undefined) onObservation(message.id, message.observation);
    });
    this.#try(this.#messages.subscribe(this.#prefix));
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands, this.#messages].map(closeRedis));
  }

  #publish(message: LeaseMessage): void {
    this.#try(this.#commands.publish(this.#prefix, writeMessage(message)));
  }

  // What is not told now is found at the next turn.
  #try(command: Promise<unknown>): void {
    command.catch(() => undefined);
  }

  #keyOf(id: string): string {
    return `${this.#prefix}:${id.toLowerCase()}`;
  }
}

/** What one process tells the others: what it saw, or, without an observation, that something was changed. */
interface LeaseMessage {
  /** The process. */
  from: string;
  /** The connection; undefined when it is not known which was changed. */
  id?: string | undefined;
  observation?: ConnectionEvent | undefined;
}

/** What was seen in a turn, and when: milliseconds since 1970-01-01 UTC. */
interface Seen {
  atMs: number;
  observation: ConnectionEvent;
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
function writeMessage({ from, id, observation }: LeaseMessage): string {
  return JSON.stringify({ from, id, observation: observation && toWire(observation) });
}

/** The message of a text; undefined when it is none. */
function readMessage(text: string): LeaseMessage | undefined {
  const { data } = message.safeParse(parseJson(text));
  return data && { ...data, observation: data.observation && fromWire(data.observation) };
}

/** The text of what was seen. */
function writeSeen({ atMs, observation }: Seen): string {
  return JSON.stringify({ atMs, observation: toWire(observation) });
}

/** What was seen; undefined when nothing was yet. */
function readSeen(text: string | null): Seen | undefined {
  const { data } = seen.safeParse(parseJson(text ?? ''));
  return data && { atMs: data.atMs, observation: fromWire(data.observation) };
}

function toWire(observation: ConnectionEvent): z.input<typeof wireObservation> {
  if (observation.kind !== 'problem') return observation;
  const { code, retryAfterSeconds } = observation.error;
  return { kind: 'problem', code, retryAfterSeconds };
}

function fromWire(observation: z.output<typeof wireObservation>): ConnectionEvent {
  if (observation.kind !== 'problem') return observation;
  const { code, retryAfterSeconds } = observation;
  return { kind: 'problem', error: new DliError(code, { retryAfterSeconds }) };
}
