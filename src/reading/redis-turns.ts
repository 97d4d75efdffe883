import { hash, randomUUID } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { connectImpatiently, endRedis } from '../lib/redis-client.js';
import type { PollTurns, TurnListeners } from './poll-turns.js';
import type { ReadingLog } from './reading-log.js';
import type { TurnMessage } from './turn-message.js';
import { readMessage, readSeen, writeMessage, writeSeen } from './turn-message.js';
import type { Observation } from './watch.js';

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
export async function openRedisTurns(
  address: RedisOptions,
  project: string,
  log: ReadingLog,
): Promise<PollTurns> {
  const commands = await connectImpatiently(address, isUsable => {
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
  return new RedisTurns(commands, messages, `${PREFIX}:${hash('sha256', project, 'base64url')}`);
}

class RedisTurns implements PollTurns {
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

  async take(id: string, intervalMs: number, maxAgeMs: number): Promise<Observation | 'ours' | undefined> {
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

  tell(id: string, observation: Observation, intervalMs: number): void {
    const seen = writeSeen({ atMs: Date.now(), observation });
    this.#try(this.#commands.set(this.#keyOf(id), seen, 'PX', Math.ceil(intervalMs)));
    this.#publish({ from: this.#self, id, observation });
  }

  tellChange(id: string | undefined): void {
    if (id !== undefined) this.#try(this.#commands.del(this.#keyOf(id)));
    this.#publish({ from: this.#self, id });
  }

  listen({ onObservation, onChange }: TurnListeners): void {
    this.#messages.on('message', (_channel, text) => {
      const message = readMessage(text);
      if (message === undefined || message.from === this.#self) return;
      if (message.observation === undefined) onChange(message.id);
      else if (message.id !== undefined) onObservation(message.id, message.observation);
    });
    this.#try(this.#messages.subscribe(this.#prefix));
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands, this.#messages].map(endRedis));
  }

  #publish(message: TurnMessage): void {
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
