import { randomBytes } from 'node:crypto';
import type { OperationRecord } from './operation-record.js';
import { isDecided, isOpen, readRecord, writeRecord } from './record-codec.js';
import type { BeginResult, FindResult, RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import { judge, RedisBeginning } from './redis-beginning.js';
import type { RedisTimeouts } from './redis-commands.js';
import { KEYS, keysOf, REDIS_TIMEOUTS_MS, RedisCommands } from './redis-commands.js';
import type { ScriptCall } from './redis-connection.js';
import { RedisConnection } from './redis-connection.js';
import * as scripts from './redis-scripts.js';
import { parseRedisUrl } from './redis-url.js';
import { RedisWitness } from './redis-witness.js';

/** How many open records are looked at in one step, which holds up all users of Redis, and are found at most. */
const PAGE = 1_000;

/**
 * Remembers creates in Redis, for all gateways that share it.
 *
 * An answer means that Redis has the write, and its disk as far as `appendfsync` says; a failover may lose the
 * last writes. A gateway that knew of them notices, and so does any other by the server, which is another one then.
 * Records expire by Redis's own clock as well as by the caller's.
 */
export class RedisStore implements RecordStore {
  readonly #connection: RedisConnection;
  readonly #witness: RedisWitness;
  readonly #commands: RedisCommands;
  readonly #beginning: RedisBeginning;

  private constructor(connection: RedisConnection, witness: RedisWitness, timeoutsMs: RedisTimeouts) {
    this.#connection = connection;
    this.#witness = witness;
    this.#commands = new RedisCommands(connection, timeoutsMs);
    this.#beginning = new RedisBeginning(connection, this.#commands, witness);
  }

  /**
   * Connects to `redis://` or `rediss://`. While the server cannot be reached every operation fails, and the
   * connection is tried again in the background.
   *
   * @param tell is given what an operator should see, each problem once, without addresses or secrets
   * @param epochMs the time of the callers, for what a new connection notes by itself
   * @param timeoutsMs after which Redis counts as unavailable
   * @throws {Error} when the URL is wrong, or the server answers and must not be used: it refuses the password,
   *   or its maxmemory-policy is not noeviction. The text names the setting and never its value
   */
  static async connect(
    url: string,
    tell: (problem: string) => void = () => {},
    epochMs: () => number = () => Date.now(),
    timeoutsMs: RedisTimeouts = REDIS_TIMEOUTS_MS,
  ): Promise<RedisStore> {
    const witness = new RedisWitness();
    const connection = await RedisConnection.open(parseRedisUrl(url), tell, () =>
      witness.greeting(epochMs()),
    );
    return new RedisStore(connection, witness, timeoutsMs);
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

  async begin(record: OperationRecord, nowMs: number): Promise<BeginResult> {
    return this.#beginning.begin(record, nowMs);
  }

  async reopen(record: OperationRecord, owner: string, nowMs: number): Promise<boolean> {
    return this.#beginning.reopen(record, owner, nowMs);
  }

  async replace(record: OperationRecord, owner: string): Promise<boolean> {
    const { id, expiresAtMs, ownedUntilMs } = record;
    return this.#commands.decide({
      script: scripts.REPLACE,
      keys: keysOf(record),
      args: [id, writeRecord(record), owner, Math.ceil(expiresAtMs), ownedUntilMs, isOpen(record) ? 1 : 0],
    });
  }

  async adopt(
    id: string,
    previousOwner: string,
    owner: string,
    ownedUntilMs: number,
  ): Promise<OperationRecord | undefined> {
    const endMs = this.#commands.operationEndMs();
    const { text } = await this.#commands.find(id);
    const stored = readRecord(text ?? '');
    if (text === undefined || stored?.owner !== previousOwner || isDecided(stored)) return undefined;
    const adopted = { ...stored, owner, ownedUntilMs };
    const call: ScriptCall = {
      script: scripts.ADOPT,
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
