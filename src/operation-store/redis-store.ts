import { randomBytes } from 'node:crypto';
import type { OperationRecord, SendingRecord, UndecidedRecord } from './operation-record.js';
import { isDecided, isOpen, readRecord, writeRecord } from './operation-record.js';
import type { BeginResult, FindResult, OperationStore } from './operation-store.js';
import { StoreUnavailableError } from './operation-store.js';
import type { ScriptCall } from './redis-connection.js';
import { RedisConnection } from './redis-connection.js';
import { RedisLossDetector } from './redis-loss-detector.js';
import * as scripts from './redis-scripts.js';
import { KEYS, keysOf } from './redis-scripts.js';
import { parseRedisUrl } from './redis-url.js';

/** How many open records are looked at in one step, which holds up all users of Redis, and are found at most. */
const PAGE = 1_000;

/**
 * Remembers creates in Redis, for all gateways that share it.
 *
 * An answer means that Redis has the write, and its disk as far as `appendfsync` says; a failover may lose the
 * last writes. A gateway that knew of them notices, and so does any other by the server, which is another one then.
 * Records expire by Redis's own clock as well as by the caller's.
 */
export class RedisStore implements OperationStore {
  readonly #connection: RedisConnection;
  readonly #witness: RedisLossDetector;
  readonly #commands: RedisCommands;
  readonly #beginning: RedisBeginning;

  private constructor(connection: RedisConnection, witness: RedisLossDetector) {
    this.#connection = connection;
    this.#witness = witness;
    this.#commands = new RedisCommands(connection);
    this.#beginning = new RedisBeginning(connection, this.#commands, witness);
  }

  /**
   * Connects to `redis://` or `rediss://`. While the server cannot be reached every operation fails, and the
   * connection is tried again in the background.
   *
   * @param tell is given what an operator should see, each problem once, without addresses or secrets
   * @param epochMs the time of the callers, for what a new connection notes by itself
   * @throws {Error} when the URL is wrong, or the server answers and must not be used: it refuses the password,
   *   or its maxmemory-policy is not noeviction. The text names the setting and never its value
   */
  static async connect(
    url: string,
    tell: (problem: string) => void = () => {},
    epochMs: () => number = () => Date.now(),
  ): Promise<RedisStore> {
    const witness = new RedisLossDetector();
    const connection = await RedisConnection.open(parseRedisUrl(url), tell, () =>
      witness.greeting(epochMs()),
    );
    return new RedisStore(connection, witness);
  }

  async secret(): Promise<Buffer> {
    const made = randomBytes(32).toString('hex');
    const keys = [KEYS.secret, KEYS.server];
    const text = await this.#commands.run({ script: scripts.SECRET, keys, args: [made] });
    if (typeof text !== 'string' || !/^[0-9a-f]{64}$/.test(text)) throw new StoreUnavailableError();
    this.#witness.sawSecret(text);
    return Buffer.from(text, 'hex');
  }

  async find(id: string, nowMs: number): Promise<FindResult> {
    const { text } = await this.#commands.find(id);
    return judge(text, nowMs);
  }

  async begin(record: SendingRecord, nowMs: number): Promise<BeginResult> {
    return this.#beginning.begin(record, nowMs);
  }

  async replace(record: OperationRecord, owner: string): Promise<boolean> {
    const { id, expiresAtMs, ownedUntilMs } = record;
    return this.#commands.decide({
      script: scripts.REPLACE,
      keys: keysOf(record),
      args: [id, writeRecord(record), owner, Math.ceil(expiresAtMs), ownedUntilMs, isOpen(record) ? 1 : 0],
    });
  }

  async takeOver(
    id: string,
    previousOwner: string,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UndecidedRecord | undefined> {
    const endMs = operationEndMs();
    const { text } = await this.#commands.find(id);
    const stored = readRecord(text ?? '');
    if (text === undefined || stored?.owner !== previousOwner || isDecided(stored)) return undefined;
    const adopted = { ...stored, owner, ownedUntilMs };
    const call: ScriptCall = {
      script: scripts.TAKE_OVER,
      keys: [KEYS.record + id, KEYS.open],
      args: [id, text, writeRecord(adopted), Math.ceil(stored.expiresAtMs), ownedUntilMs],
    };
    return (await this.#commands.decide(call, endMs)) ? adopted : undefined;
  }

  async remove(id: string, owner: string): Promise<boolean> {
    return this.#commands.decide({
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
    return this.#commands.decide({
      script: scripts.CLAIM,
      keys: [KEYS.connection + connectionId, KEYS.name + nameId],
      args: [id, nowMs, Math.ceil(expiresAtMs), KEYS.record],
    });
  }

  async noteDeletion(id: string, { expiresAtMs }: { expiresAtMs: number }): Promise<void> {
    const keys = [KEYS.deletion + id];
    const isNoted = await this.#commands.decide({
      script: scripts.NOTE_DELETION,
      keys,
      args: [Math.ceil(expiresAtMs)],
    });
    if (!isNoted) throw new StoreUnavailableError();
  }

  async hasDeletion(id: string, nowMs: number): Promise<boolean> {
    const keys = [KEYS.deletion + id];
    return this.#commands.decide({ script: scripts.HAS_DELETION, keys, args: [nowMs] });
  }

  async hasOpen(nowMs: number): Promise<boolean> {
    return this.#commands.decide({ script: scripts.HAS_OPEN, keys: [KEYS.open], args: [nowMs] });
  }

  async findOpen(projectId: string, nowMs: number): Promise<OperationRecord[]> {
    const found: OperationRecord[] = [];
    for (let skipped = 0; ; ) {
      const call: ScriptCall = {
        script: scripts.FIND_OPEN,
        keys: [KEYS.open],
        args: [projectId, nowMs, KEYS.record, skipped, PAGE],
      };
      const answer = await this.#commands.run(call);
      if (!Array.isArray(answer)) throw new StoreUnavailableError();
      const [seen, kept, ...texts] = answer;
      found.push(...texts.flatMap(text => readRecord(text) ?? []).filter(isOpen));
      if (seen < PAGE || found.length >= PAGE) return found;
      skipped += kept;
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** Begins and reopens records in Redis: what comes before a request is sent, and must notice lost records. */
export class RedisBeginning {
  readonly #connection: RedisConnection;
  readonly #commands: RedisCommands;
  readonly #witness: RedisLossDetector;

  constructor(connection: RedisConnection, commands: RedisCommands, witness: RedisLossDetector) {
    this.#connection = connection;
    this.#commands = commands;
    this.#witness = witness;
  }

  /** See {@link OperationStore.begin}. */
  async begin(record: SendingRecord, nowMs: number): Promise<BeginResult> {
    if (!this.#connection.isUsable) throw new StoreUnavailableError({ mayHaveWritten: false });
    const endMs = operationEndMs();
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
      return { kind, hasLostRecords: loss === 1 };
    }
    if (kind === 'secretReplaced' || kind === 'unreadable') return { kind };
    if (kind !== 'exists' && kind !== 'nameHeld') throw new StoreUnavailableError();
    const stored = readRecord(content);
    return stored === undefined ? { kind: 'unreadable' } : { kind, record: stored };
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
    const { text, hasLostRecords } = await this.#commands.find(id, endMs).catch(() => Promise.reject(error));
    const found = judge(text, nowMs);
    if (found.kind === 'absent') throw error;
    if (found.kind === 'unreadable') return found;
    const { record } = found;
    return record.owner === owner ? { kind: 'begun', hasLostRecords } : { kind: 'exists', record };
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
function judge(text: string | undefined, nowMs: number): FindResult {
  if (text === undefined) return { kind: 'absent' };
  const record = readRecord(text);
  if (record === undefined) return { kind: 'unreadable' };
  return record.expiresAtMs <= nowMs ? { kind: 'absent' } : { kind: 'found', record };
}

const COMMAND_TIMEOUT_MS = 250;
// Half a second for a whole operation, less what timers and the event loop may be late.
const OPERATION_TIMEOUT_MS = 430;

/** When an operation that begins now has to be over, on the clock of `performance`. */
function operationEndMs(): number {
  return performance.now() + OPERATION_TIMEOUT_MS;
}

/** Runs the scripts of the store, each in a quarter of a second at most, and before `endMs`. */
export class RedisCommands {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** @throws {StoreUnavailableError} when it fails or takes longer; it says whether it may have been executed */
  run(call: ScriptCall, endMs = Number.POSITIVE_INFINITY): Promise<unknown> {
    return this.#connection.run(call, Math.min(COMMAND_TIMEOUT_MS, endMs - performance.now()));
  }

  /** Whether the script did what it is for. */
  async decide(call: ScriptCall, endMs?: number): Promise<boolean> {
    return (await this.run(call, endMs)) === 1;
  }

  /** The text under an id, and whether Redis is known to have lost others. */
  async find(id: string, endMs?: number): Promise<{ text: string | undefined; hasLostRecords: boolean }> {
    const answer = await this.run({ script: scripts.FIND, keys: [KEYS.record + id, KEYS.loss] }, endMs);
    const [text, loss] = Array.isArray(answer) ? answer : [];
    return { text: typeof text === 'string' ? text : undefined, hasLostRecords: loss === 1 };
  }
}
