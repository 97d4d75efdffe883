import { randomBytes } from 'node:crypto';
import type { RedisClients } from '../lib/redis-client.js';
import type { Clock } from '../lib/time.js';
import type { FindResult, UnfinishedRecord } from './operation-record.js';
import { claimOf, isOpen, mayBeTakenOver, RecordCodec } from './operation-record.js';
import type { BeginResult, OpenCreate, OperationStore } from './operation-store.js';
import { MAX_OPEN_CREATES, StoreUnavailableError } from './operation-store.js';
import type { OperationRecord, SendingRecord } from './record-format.js';
import type { ScriptCall } from './redis-connection.js';
import { RedisConnection } from './redis-connection.js';
import { RedisLossDetector } from './redis-loss-detector.js';
import * as scripts from './redis-scripts.js';
import { KEYS, keysOf } from './redis-scripts.js';
import type { StoreHealth } from './store-health.js';

/** Open records that one script reads, because it blocks all users of Redis, and the most that are returned. */
const PAGE = 1_000;
/** The same for the metrics, which must not delay creates. */
const METRICS_PAGE = 100;

/** Timeouts of Redis, in milliseconds. */
export interface RedisTimeouts {
  command: number;
  /** For all commands of one operation together. */
  operation: number;
}

/** Half a second for a whole operation, less the delay of timers and the event loop. */
export const REDIS_TIMEOUTS_MS: RedisTimeouts = { command: 250, operation: 430 };

/**
 * Operation records in Redis, shared by several gateways.
 *
 * A reply means that Redis has the write, and its disk as far as `appendfsync` ensures it. A failover may lose the last
 * writes; {@link RedisLossDetector} notices. Records expire by Redis's clock as well as by the caller's.
 */
export class RedisStore implements OperationStore {
  readonly #connection: RedisConnection;
  readonly #lossDetector: RedisLossDetector;
  readonly #health: StoreHealth;
  readonly #timeoutsMs: RedisTimeouts;
  readonly #codec: RecordCodec;

  private constructor(
    connection: RedisConnection,
    lossDetector: RedisLossDetector,
    health: StoreHealth,
    timeoutsMs: RedisTimeouts,
  ) {
    this.#connection = connection;
    this.#lossDetector = lossDetector;
    this.#health = health;
    this.#timeoutsMs = timeoutsMs;
    this.#codec = new RecordCodec(text => health.recordUnreadable(text));
  }

  /**
   * Connects. While the server cannot be reached every operation fails, and the connection is retried in the
   * background.
   *
   * @param clients creates the connection
   * @param health notified when Redis cannot be used, and when it can again, and of records that it has lost
   * @param clock the callers' clock
   * @param timeoutsMs after which Redis counts as unavailable
   * @throws {StoreConfigError} when the server refuses the password or a command, is another node of a cluster, or its
   *   maxmemory-policy is not noeviction
   */
  static async connect(
    clients: RedisClients,
    health: StoreHealth,
    clock: Clock,
    timeoutsMs: RedisTimeouts = REDIS_TIMEOUTS_MS,
  ): Promise<RedisStore> {
    const lossDetector = new RedisLossDetector();
    const connection = await RedisConnection.open(clients, health, async run => {
      const check = lossDetector.handshake(clock.epochMs());
      if (check !== undefined && (await run(check)) === 1) health.recordLoss();
      await run({ script: scripts.PROBE, keys: [KEYS.probe, KEYS.probeIndex] });
    });
    return new RedisStore(connection, lossDetector, health, timeoutsMs);
  }

  async secret(): Promise<Buffer> {
    const created = randomBytes(32).toString('hex');
    const text = await this.#run({ script: scripts.SECRET, keys: [KEYS.secret, KEYS.server], args: [created] });
    if (typeof text !== 'string' || !/^[0-9a-f]{64}$/.test(text)) throw new StoreUnavailableError();
    this.#lossDetector.observeSecret(text);
    return Buffer.from(text, 'hex');
  }

  async find(id: string, nowMs: number): Promise<FindResult> {
    const { text } = await this.#findText(id);
    return this.#codec.find(text, nowMs);
  }

  async begin(record: SendingRecord, nowMs: number): Promise<BeginResult> {
    if (!this.#connection.isUsable) throw new StoreUnavailableError({ mayHaveWritten: false });
    const endMs = this.#operationEndMs();
    const { id, expiresAtMs, ownedUntilMs } = record;
    const own = [id, this.#codec.write(record), nowMs, Math.ceil(expiresAtMs), ownedUntilMs, KEYS.record];
    let reply: unknown;
    try {
      reply = await this.#run({
        script: scripts.BEGIN,
        keys: [...this.#lossDetector.keys, ...keysOf(record)],
        args: [...this.#lossDetector.args(nowMs), ...own],
      });
    } catch (error) {
      return this.#readBack(record, nowMs, endMs, error);
    }
    const [kind, hasNotedLoss, content, loss] = Array.isArray(reply) ? reply : [];
    if (hasNotedLoss === 1) this.#health.recordLoss();
    if (kind === 'begun') {
      this.#lossDetector.observeCount(content, nowMs);
      return { kind, hasLostRecords: loss === 1 };
    }
    if (kind === 'unreadable') this.#health.recordUnreadable(KEYS.name + record.nameId);
    if (kind === 'secretReplaced' || kind === 'unreadable') return { kind };
    if (kind !== 'exists' && kind !== 'nameHeld') throw new StoreUnavailableError();
    const stored = this.#codec.read(content);
    return stored === undefined ? { kind: 'unreadable' } : { kind, record: stored };
  }

  async replace(record: OperationRecord): Promise<boolean> {
    const { id, owner, expiresAtMs, ownedUntilMs } = record;
    const claim = claimOf(record);
    const own = [id, this.#codec.write(record), owner, Math.ceil(expiresAtMs), ownedUntilMs, isOpen(record) ? 1 : 0];
    return this.#decide({
      script: scripts.REPLACE,
      keys: claim === undefined ? keysOf(record) : [...keysOf(record), KEYS.connection + claim.connectionId],
      args: claim === undefined ? own : [...own, Math.ceil(claim.expiresAtMs)],
    });
  }

  async takeOver(
    previous: Pick<OperationRecord, 'id' | 'owner' | 'state'>,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UnfinishedRecord | undefined> {
    const { id } = previous;
    const endMs = this.#operationEndMs();
    const { text } = await this.#findText(id);
    const stored = text === undefined ? undefined : this.#codec.read(text);
    if (text === undefined || stored === undefined || !mayBeTakenOver(stored, previous)) return undefined;
    const taken = { ...stored, owner, ownedUntilMs };
    const call: ScriptCall = {
      script: scripts.TAKE_OVER,
      keys: [KEYS.record + id, KEYS.open],
      args: [id, text, this.#codec.write(taken), Math.ceil(stored.expiresAtMs), ownedUntilMs],
    };
    return (await this.#decide(call, endMs)) ? taken : undefined;
  }

  async remove({ id, owner }: Pick<OperationRecord, 'id' | 'owner'>): Promise<boolean> {
    const keys = [KEYS.record + id, KEYS.open];
    return this.#decide({ script: scripts.REMOVE, keys, args: [id, owner, KEYS.name] });
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

  async noteDeletion(id: string, { expiresAtMs }: { expiresAtMs: number }): Promise<void> {
    const call = { script: scripts.NOTE_DELETION, keys: [KEYS.deletion + id], args: [Math.ceil(expiresAtMs)] };
    if (!(await this.#decide(call))) throw new StoreUnavailableError();
  }

  async hasDeletion(id: string, nowMs: number): Promise<boolean> {
    return this.#decide({ script: scripts.HAS_DELETION, keys: [KEYS.deletion + id], args: [nowMs] });
  }

  async hasAbandoned(nowMs: number): Promise<boolean> {
    return this.#decide({ script: scripts.HAS_ABANDONED, keys: [KEYS.open], args: [nowMs] });
  }

  async findAbandoned(projectId: string, nowMs: number): Promise<OperationRecord[]> {
    const found: OperationRecord[] = [];
    for (let skipped = 0; ; ) {
      const call: ScriptCall = {
        script: scripts.FIND_ABANDONED,
        keys: [KEYS.open],
        args: [projectId, nowMs, KEYS.record, skipped, PAGE],
      };
      const reply = await this.#run(call);
      if (!Array.isArray(reply)) throw new StoreUnavailableError();
      const [seen, kept, ...texts] = reply;
      found.push(...texts.flatMap(text => this.#codec.read(text) ?? []).filter(isOpen));
      if (seen < PAGE || found.length >= PAGE) return found;
      skipped += kept;
    }
  }

  async findOpen(nowMs: number): Promise<OpenCreate[]> {
    const found: OpenCreate[] = [];
    for (let offset = 0; offset < MAX_OPEN_CREATES; offset += METRICS_PAGE) {
      const args = [nowMs, KEYS.record, offset, METRICS_PAGE];
      const call = { script: scripts.FIND_OPEN, keys: [KEYS.open], args };
      const reply = await this.#connection.runBestEffort(call, this.#timeoutsMs.command);
      if (!Array.isArray(reply)) throw new StoreUnavailableError();
      const [seen, ...texts] = reply;
      for (const text of texts) {
        const [state, sentAtMs] = String(text).split(' ');
        found.push({ state: state === 'SENDING' ? state : 'UNKNOWN', sentAtMs: Number(sentAtMs) });
      }
      if (seen < METRICS_PAGE) break;
    }
    return found;
  }

  async sizeBytes(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** The result of a begin whose reply did not arrive. */
  async #readBack({ id, owner }: OperationRecord, nowMs: number, endMs: number, error: unknown): Promise<BeginResult> {
    await this.#connection.whenUsable(endMs - performance.now());
    // A failed read must not hide whether the write may have taken place.
    const { text, hasLostRecords } = await this.#findText(id, endMs).catch(() => Promise.reject(error));
    const found = this.#codec.find(text, nowMs);
    if (found.kind === 'absent') throw error;
    if (found.kind === 'unreadable') return found;
    const { record } = found;
    return record.owner === owner ? { kind: 'begun', hasLostRecords } : { kind: 'exists', record };
  }

  /** When an operation that starts now must have ended, by the clock of `performance`. */
  #operationEndMs(): number {
    return performance.now() + this.#timeoutsMs.operation;
  }

  #run(call: ScriptCall, endMs = Number.POSITIVE_INFINITY): Promise<unknown> {
    return this.#connection.run(call, Math.min(this.#timeoutsMs.command, endMs - performance.now()));
  }

  /** Whether the script had its effect. */
  async #decide(call: ScriptCall, endMs?: number): Promise<boolean> {
    return (await this.#run(call, endMs)) === 1;
  }

  /** The text of a record, and whether Redis is known to have lost others. */
  async #findText(id: string, endMs?: number): Promise<{ text: string | undefined; hasLostRecords: boolean }> {
    const call = { script: scripts.FIND, keys: [KEYS.record + id, KEYS.loss] };
    const reply = await this.#run(call, endMs);
    const [text, loss] = Array.isArray(reply) ? reply : [];
    return { text: typeof text === 'string' ? text : undefined, hasLostRecords: loss === 1 };
  }
}
