import type { OperationRecord } from './operation-record.js';
import { readRecord, writeRecord } from './record-codec.js';
import type { BeginResult, FindResult } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import type { RedisCommands } from './redis-commands.js';
import { KEYS, keysOf } from './redis-commands.js';
import type { RedisConnection } from './redis-connection.js';
import * as scripts from './redis-scripts.js';
import type { RedisWitness } from './redis-witness.js';

/** Begins and reopens records in Redis: what comes before a request is sent, and must notice lost records. */
export class RedisBeginning {
  readonly #connection: RedisConnection;
  readonly #commands: RedisCommands;
  readonly #witness: RedisWitness;

  constructor(connection: RedisConnection, commands: RedisCommands, witness: RedisWitness) {
    this.#connection = connection;
    this.#commands = commands;
    this.#witness = witness;
  }

  /** See {@link RecordStore.begin}. */
  async begin(record: OperationRecord, nowMs: number): Promise<BeginResult> {
    if (!this.#connection.isUsable) throw new StoreUnavailableError({ mayHaveWritten: false });
    const endMs = this.#commands.operationEndMs();
    const { id, expiresAtMs, ownedUntilMs } = record;
    const own = [id, writeRecord(record), nowMs, Math.ceil(expiresAtMs), ownedUntilMs, KEYS.record];
    let answer: unknown;
    try {
      answer = await this.#run(scripts.BEGIN, record, own, nowMs);
    } catch (error) {
      return this.#readBack(record, nowMs, endMs, error);
    }
    const [kind, content, loss] = Array.isArray(answer) ? answer : [];
    if (kind === 'begun') {
      this.#witness.sawCount(content, nowMs);
      return { kind, isForgetful: loss === 1 };
    }
    if (kind === 'otherSecret' || kind === 'unreadable') return { kind };
    if (kind !== 'exists' && kind !== 'nameHeld') throw new StoreUnavailableError();
    const stored = readRecord(content);
    return stored === undefined ? { kind: 'unreadable' } : { kind, record: stored };
  }

  /** See {@link RecordStore.reopen}; also false when an earlier reopening may have been lost. */
  async reopen(record: OperationRecord, owner: string, nowMs: number): Promise<boolean> {
    const { id, expiresAtMs, ownedUntilMs } = record;
    const text = writeRecord(record);
    const own = [id, text, owner, nowMs, Math.ceil(expiresAtMs), ownedUntilMs, KEYS.record];
    const count = await this.#run(scripts.REOPEN, record, own, nowMs);
    if (typeof count !== 'number' || count === 0) return false;
    this.#witness.sawCount(count, nowMs);
    return true;
  }

  /** What became of a begin whose answer did not come. */
  async #readBack(
    { id, owner }: OperationRecord,
    nowMs: number,
    endMs: number,
    error: unknown,
  ): Promise<BeginResult> {
    await this.#connection.whenUsable(endMs - performance.now());
    // Whether it was written is for the begin to say, not for the look at it.
    const { text, isForgetful } = await this.#commands.find(id, endMs).catch(() => Promise.reject(error));
    const found = judge(text, nowMs);
    if (found.kind === 'absent') throw error;
    if (found.kind === 'unreadable') return found;
    const { record } = found;
    return record.owner === owner ? { kind: 'begun', isForgetful } : { kind: 'exists', record };
  }

  #run(
    script: string,
    record: OperationRecord,
    own: readonly (string | number)[],
    nowMs: number,
  ): Promise<unknown> {
    return this.#commands.run({
      script,
      keys: [...this.#witness.keys, ...keysOf(record)],
      args: [...this.#witness.args(nowMs), ...own],
    });
  }
}

/** What the text under an id is at this moment. */
export function judge(text: string | undefined, nowMs: number): FindResult {
  if (text === undefined) return { kind: 'absent' };
  const record = readRecord(text);
  if (record === undefined) return { kind: 'unreadable' };
  return record.expiresAtMs <= nowMs ? { kind: 'absent' } : { kind: 'found', record };
}
