import type { OperationRecord } from './operation-record.js';
import type { RedisConnection, ScriptCall } from './redis-connection.js';
import * as scripts from './redis-scripts.js';

/** How long Redis may take, in milliseconds. */
export interface RedisTimeouts {
  command: number;
  /** For all commands of one operation together. */
  operation: number;
}

/** Half a second for a whole operation, less what timers and the event loop may be late. */
export const REDIS_TIMEOUTS_MS: RedisTimeouts = { command: 250, operation: 430 };

// The braces put all keys into one slot of a Redis Cluster, so that a script may use several of them.
const PREFIX = 'dli-gateway:{once}:';

/** Where everything lies: prefixes of keys, and the one key of what is open. */
export const KEYS = {
  record: `${PREFIX}record:`,
  name: `${PREFIX}name:`,
  connection: `${PREFIX}connection:`,
  deletion: `${PREFIX}deletion:`,
  open: `${PREFIX}open`,
  secret: `${PREFIX}secret`,
  server: `${PREFIX}server`,
  loss: `${PREFIX}loss`,
  count: `${PREFIX}count:`,
} as const;

/** The keys that change with a record: its own, that of its name, and the list of what is open. */
export function keysOf({ id, nameId }: Pick<OperationRecord, 'id' | 'nameId'>): string[] {
  return [KEYS.record + id, KEYS.name + nameId, KEYS.open];
}

/** Runs the scripts of the store, each in the time of a command at most, and before `endMs`. */
export class RedisCommands {
  readonly #connection: RedisConnection;
  readonly #timeoutsMs: RedisTimeouts;

  constructor(connection: RedisConnection, timeoutsMs: RedisTimeouts) {
    this.#connection = connection;
    this.#timeoutsMs = timeoutsMs;
  }

  /** When an operation that begins now has to be over, on the clock of `performance`. */
  operationEndMs(): number {
    return performance.now() + this.#timeoutsMs.operation;
  }

  /** @throws {StoreUnavailableError} when it fails or takes longer; it says whether it may have been executed */
  run(call: ScriptCall, endMs = Number.POSITIVE_INFINITY): Promise<unknown> {
    return this.#connection.run(call, Math.min(this.#timeoutsMs.command, endMs - performance.now()));
  }

  /** Whether the script did what it is for. */
  async decide(call: ScriptCall, endMs?: number): Promise<boolean> {
    return (await this.run(call, endMs)) === 1;
  }

  /** The text under an id, and whether Redis is known to have lost others. */
  async find(id: string, endMs?: number): Promise<{ text: string | undefined; isForgetful: boolean }> {
    const answer = await this.run({ script: scripts.FIND, keys: [KEYS.record + id, KEYS.loss] }, endMs);
    const [text, loss] = Array.isArray(answer) ? answer : [];
    return { text: typeof text === 'string' ? text : undefined, isForgetful: loss === 1 };
  }
}
