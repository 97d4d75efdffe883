import { randomBytes } from 'node:crypto';
import type { OperationRecord } from './operation-record.js';
import { isOpen, readRecord, writeRecord } from './record-codec.js';
import type { BeginResult, FindResult, RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import type { ScriptCall } from './redis-connection.js';
import { RedisConnection } from './redis-connection.js';
import * as scripts from './redis-scripts.js';
import { parseRedisUrl } from './redis-url.js';

const COMMAND_TIMEOUT_MS = 250;
// Half a second for a whole operation, less what timers and the event loop may be late.
const OPERATION_TIMEOUT_MS = 430;

// The braces put all keys into one slot of a Redis Cluster, so that a script may use several of them.
const PREFIX = 'dli-gateway:{once}:';
const KEYS = {
  record: `${PREFIX}record:`,
  name: `${PREFIX}name:`,
  connection: `${PREFIX}connection:`,
  open: `${PREFIX}open`,
  secret: `${PREFIX}secret`,
};

/**
 * Remembers creates in Redis, for all gateways that share it.
 *
 * An answer means that Redis has the write, and its disk as far as `appendfsync` says; a failover may lose the
 * last writes. Records expire by Redis's own clock as well as by the caller's.
 */
export class RedisStore implements RecordStore {
  readonly #connection: RedisConnection;

  private constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /**
   * Connects to `redis://` or `rediss://`. While the server cannot be reached every operation fails, and the
   * connection is tried again in the background.
   *
   * @param tell is given what an operator should see, each problem once, without addresses or secrets
   * @throws {Error} when the URL is wrong, or the server answers and must not be used: it refuses the password,
   *   or its maxmemory-policy is not noeviction. The text names the setting and never its value
   */
  static async connect(url: string, tell: (problem: string) => void = () => {}): Promise<RedisStore> {
    return new RedisStore(await RedisConnection.open(parseRedisUrl(url), tell));
  }

  async secret(): Promise<Buffer> {
    const made = randomBytes(32).toString('hex');
    const text = await this.#run({ script: scripts.SECRET, keys: [KEYS.secret], args: [made] });
    if (typeof text !== 'string' || !/^[0-9a-f]{64}$/.test(text)) throw new StoreUnavailableError();
    return Buffer.from(text, 'hex');
  }

  async find(id: string, nowMs: number): Promise<FindResult> {
    return this.#judge(await this.#findText(id), nowMs);
  }

  async begin(record: OperationRecord, nowMs: number): Promise<BeginResult> {
    if (!this.#connection.isUsable) throw new StoreUnavailableError();
    const endMs = performance.now() + OPERATION_TIMEOUT_MS;
    const { id, nameId, expiresAtMs, ownedUntilMs } = record;
    let answer: unknown;
    try {
      answer = await this.#run({
        script: scripts.BEGIN,
        keys: [KEYS.record + id, KEYS.name + nameId, KEYS.open],
        args: [id, writeRecord(record), nowMs, Math.ceil(expiresAtMs), ownedUntilMs, KEYS.record],
      });
    } catch (error) {
      return this.#readBack(record, nowMs, endMs, error);
    }
    const [kind, text] = Array.isArray(answer) ? answer : [];
    if (kind === 'begun') return { kind, isForgetful: false };
    if (kind === 'unreadable') return { kind };
    if (kind !== 'exists' && kind !== 'nameHeld') throw new StoreUnavailableError();
    const stored = readRecord(text);
    return stored === undefined ? { kind: 'unreadable' } : { kind, record: stored };
  }

  async reopen(record: OperationRecord, owner: string, nowMs: number): Promise<boolean> {
    const { id, nameId, expiresAtMs, ownedUntilMs } = record;
    return this.#decide({
      script: scripts.REOPEN,
      keys: [KEYS.record + id, KEYS.name + nameId, KEYS.open],
      args: [id, writeRecord(record), owner, nowMs, Math.ceil(expiresAtMs), ownedUntilMs, KEYS.record],
    });
  }

  async replace(record: OperationRecord, owner: string): Promise<boolean> {
    const { id, nameId, expiresAtMs, ownedUntilMs } = record;
    return this.#decide({
      script: scripts.REPLACE,
      keys: [KEYS.record + id, KEYS.name + nameId, KEYS.open],
      args: [id, writeRecord(record), owner, Math.ceil(expiresAtMs), ownedUntilMs, isOpen(record) ? 1 : 0],
    });
  }

  async adopt(id: string, previousOwner: string, owner: string, ownedUntilMs: number): Promise<boolean> {
    const endMs = performance.now() + OPERATION_TIMEOUT_MS;
    const text = await this.#findText(id);
    const stored = readRecord(text ?? '');
    if (text === undefined || stored?.owner !== previousOwner) return false;
    const adopted = writeRecord({ ...stored, owner, ownedUntilMs });
    const call: ScriptCall = {
      script: scripts.ADOPT,
      keys: [KEYS.record + id, KEYS.open],
      args: [id, text, adopted, Math.ceil(stored.expiresAtMs), ownedUntilMs],
    };
    return this.#decide(call, endMs);
  }

  async remove(id: string, owner: string): Promise<boolean> {
    return this.#decide({
      script: scripts.REMOVE,
      keys: [KEYS.record + id, KEYS.open],
      args: [id, owner, KEYS.name],
    });
  }

  async claimConnection(
    connectionId: string,
    { id, nameId }: Pick<OperationRecord, 'id' | 'nameId'>,
    { nowMs, expiresAtMs }: { nowMs: number; expiresAtMs: number },
  ): Promise<boolean> {
    return this.#decide({
      script: scripts.CLAIM,
      keys: [KEYS.connection + connectionId, KEYS.name + nameId],
      args: [id, nowMs, Math.ceil(expiresAtMs), KEYS.record],
    });
  }

  async findOpen(nowMs: number): Promise<OperationRecord[]> {
    const call: ScriptCall = { script: scripts.FIND_OPEN, keys: [KEYS.open], args: [nowMs, KEYS.record] };
    const texts = await this.#run(call);
    if (!Array.isArray(texts)) throw new StoreUnavailableError();
    return texts.flatMap(text => readRecord(text) ?? []).filter(isOpen);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** What became of a begin whose answer did not come. */
  async #readBack(
    { id, owner }: OperationRecord,
    nowMs: number,
    endMs: number,
    error: unknown,
  ): Promise<BeginResult> {
    await this.#connection.whenUsable(endMs - performance.now());
    const found = this.#judge(await this.#findText(id, endMs), nowMs);
    if (found.kind === 'absent') throw error;
    if (found.kind === 'unreadable') return found;
    return found.record.owner === owner
      ? { kind: 'begun', isForgetful: false }
      : { kind: 'exists', record: found.record };
  }

  #judge(text: string | undefined, nowMs: number): FindResult {
    if (text === undefined) return { kind: 'absent' };
    const record = readRecord(text);
    if (record === undefined) return { kind: 'unreadable' };
    return record.expiresAtMs <= nowMs ? { kind: 'absent' } : { kind: 'found', record };
  }

  async #findText(id: string, endMs?: number): Promise<string | undefined> {
    const text = await this.#run({ script: scripts.FIND, keys: [KEYS.record + id] }, endMs);
    return typeof text === 'string' ? text : undefined;
  }

  async #decide(call: ScriptCall, endMs?: number): Promise<boolean> {
    return (await this.#run(call, endMs)) === 1;
  }

  #run(call: ScriptCall, endMs = Number.POSITIVE_INFINITY): Promise<unknown> {
    return this.#connection.run(call, Math.min(COMMAND_TIMEOUT_MS, endMs - performance.now()));
  }
}
