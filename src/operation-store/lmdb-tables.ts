import type { Database, RootDatabase } from 'lmdb';
import type { FindResult } from './operation-record.js';
import { claimOf, isDecided, isOpen, RecordCodec } from './operation-record.js';
import type { OpenCreate } from './operation-store.js';
import { MAX_OPEN_CREATES } from './operation-store.js';
import type { OperationRecord } from './record-format.js';

// A sweep removes more than 16 calls add, so that expired entries cannot pile up. It costs as much as a write.
const CALLS_PER_SWEEP = 16;
const MAX_SWEPT = 64;

/** When an entry expires, its kind and its key. The oldest sort first. */
// Stored: do not rename the kinds.
type ExpiryKey = [expiresAtMs: number, kind: 'record' | 'connection' | 'deletion', key: string];

/**
 * The tables of the embedded store and their invariants.
 *
 * Writes must run inside one transaction. A transaction that throws is not rolled back, so decide before writing.
 */
export class LmdbTables {
  /** Texts of records by id. */
  readonly #records: Database<string, string>;
  /** The open record that holds a name, by nameId. An index of all open records. */
  readonly #holders: Database<string, string>;
  /** Ids of records by connectionId. */
  readonly #connections: Database<string, string>;
  /** When the notes of deletions expire, by their ids. */
  readonly #deletions: Database<string, string>;
  /** In order of expiry: the nameId of a record, the id that claims a connection, or nothing for a deletion. */
  readonly #expiries: Database<string, ExpiryKey>;
  readonly #codec: RecordCodec;
  #callsUntilSweep = 0;

  /** @param onUnreadable called for every stored text that is not a record which this version understands */
  constructor(root: RootDatabase<string, string>, onUnreadable: (text: string) => void) {
    this.#codec = new RecordCodec(onUnreadable);
    // Stored: do not rename.
    this.#records = root.openDB('records', { encoding: 'string' });
    this.#holders = root.openDB('holders', { encoding: 'string' });
    this.#connections = root.openDB('connections', { encoding: 'string' });
    this.#deletions = root.openDB('deletions', { encoding: 'string' });
    this.#expiries = root.openDB('expiries', { encoding: 'string' });
  }

  /** The unexpired record of this id. */
  find(id: string, nowMs: number): FindResult {
    return this.#codec.find(this.#records.get(id), nowMs);
  }

  /** The record that holds the name. */
  findHolder(nameId: string, nowMs: number): FindResult {
    const holder = this.#holders.get(nameId);
    return holder === undefined ? { kind: 'absent' } : this.find(parseHolder(holder).id, nowMs);
  }

  /** Whether another record holds the name. An unreadable one counts. */
  isHeldByAnother({ id, nameId }: Pick<OperationRecord, 'id' | 'nameId'>, nowMs: number): boolean {
    const holder = this.#holders.get(nameId);
    if (holder === undefined) return false;
    const { id: holderId } = parseHolder(holder);
    return holderId !== id && this.find(holderId, nowMs).kind !== 'absent';
  }

  /** Whether there are abandoned records: open ones whose owner's time is over. */
  hasAbandoned(nowMs: number): boolean {
    return this.#abandonedHolders(nowMs).length > 0;
  }

  /** The abandoned records of a project. */
  findAbandoned(projectId: string, nowMs: number): OperationRecord[] {
    return this.#abandonedHolders(nowMs)
      .map(({ id }) => this.find(id, nowMs))
      .flatMap(found => (found.kind === 'found' ? [found.record] : []))
      .filter(record => record.projectId === projectId);
  }

  /** The open records, at most 1,000. */
  findOpen(nowMs: number): OpenCreate[] {
    return [...this.#holders.getRange({ limit: MAX_OPEN_CREATES })]
      .map(({ value }) => this.find(parseHolder(value).id, nowMs))
      .flatMap(found => (found.kind === 'found' && !isDecided(found.record) ? [found.record] : []));
  }

  /** The record of this id, expired or not. Undefined when it is absent or unreadable. */
  stored(id: string): OperationRecord | undefined {
    const text = this.#records.get(id);
    return text === undefined ? undefined : this.#codec.read(text);
  }

  /** Adds a record whose id and name are free or expired. */
  add(record: OperationRecord): void {
    const expired = this.stored(record.id);
    if (expired !== undefined) this.remove(expired);
    this.#expiries.putSync(expiryOf(record), record.nameId);
    this.#records.putSync(record.id, this.#codec.write(record));
    this.#holders.putSync(record.nameId, holderOf(record));
  }

  /** Writes the next version of a record. */
  replace(previous: OperationRecord, record: OperationRecord): void {
    if (previous.expiresAtMs !== record.expiresAtMs) {
      this.#expiries.removeSync(expiryOf(previous));
      this.#expiries.putSync(expiryOf(record), record.nameId);
    }
    this.#records.putSync(record.id, this.#codec.write(record));
    if (!isOpen(record)) this.#freeName(record.nameId, record.id);
    // An open record holds its own name.
    else if (isOpen(previous)) this.#holders.putSync(record.nameId, holderOf(record));
  }

  /** Removes a record and frees its name. */
  remove(record: OperationRecord): void {
    this.#expiries.removeSync(expiryOf(record));
    this.#records.removeSync(record.id);
    this.#freeName(record.nameId, record.id);
  }

  /** Claims a connection. False when another record has claimed it, or holds the name and may be about to. */
  claimConnection(
    connectionId: string,
    record: Pick<OperationRecord, 'id' | 'nameId'>,
    { nowMs, expiresAtMs }: { nowMs: number; expiresAtMs: number },
  ): boolean {
    const { id } = record;
    const claimant = this.#connections.get(connectionId);
    if (claimant !== undefined) return claimant === id;
    if (this.isHeldByAnother(record, nowMs)) return false;
    this.#addClaim(connectionId, id, expiresAtMs);
    return true;
  }

  /** Claims the connection of a success, unless another record has. */
  claimSuccess(record: OperationRecord): void {
    const claim = claimOf(record);
    if (claim === undefined || this.#connections.get(claim.connectionId) !== undefined) return;
    this.#addClaim(claim.connectionId, record.id, claim.expiresAtMs);
  }

  /** Adds or extends the note of a deletion. */
  noteDeletion(id: string, expiresAtMs: number): void {
    const previous = this.#deletions.get(id);
    if (previous !== undefined) this.#expiries.removeSync([Number(previous), 'deletion', id]);
    const untilMs = Math.ceil(expiresAtMs);
    this.#deletions.putSync(id, String(untilMs));
    this.#expiries.putSync([untilMs, 'deletion', id], '');
  }

  /** Whether an unexpired note of the deletion exists. */
  hasDeletion(id: string, nowMs: number): boolean {
    return Number(this.#deletions.get(id) ?? 0) > nowMs;
  }

  /**
   * Removes up to 64 expired entries at every 16th call.
   *
   * Uses the table of expiries alone, so that it also removes records that this version cannot read.
   */
  sweep(nowMs: number): void {
    if (this.#callsUntilSweep-- > 0) return;
    this.#callsUntilSweep = CALLS_PER_SWEEP - 1;
    // A bound, not a stored key: [n] sorts before every [n, kind, key].
    const end = [Math.floor(nowMs) + 1] as unknown as ExpiryKey;
    for (const { key, value } of [...this.#expiries.getRange({ end, limit: MAX_SWEPT })]) {
      const [, kind, expired] = key;
      this.#expiries.removeSync(key);
      if (kind === 'connection') this.#connections.removeSync(expired);
      else if (kind === 'deletion') this.#deletions.removeSync(expired);
      else {
        this.#records.removeSync(expired);
        this.#freeName(value, expired);
      }
    }
  }

  #addClaim(connectionId: string, id: string, expiresAtMs: number): void {
    this.#connections.putSync(connectionId, id);
    this.#expiries.putSync([Math.ceil(expiresAtMs), 'connection', connectionId], id);
  }

  #abandonedHolders(nowMs: number): { id: string }[] {
    return [...this.#holders.getRange()]
      .map(({ value }) => parseHolder(value))
      .filter(({ ownedUntilMs }) => ownedUntilMs <= nowMs);
  }

  #freeName(nameId: string, id: string): void {
    const holder = this.#holders.get(nameId);
    if (holder !== undefined && parseHolder(holder).id === id) this.#holders.removeSync(nameId);
  }
}

function expiryOf({ id, expiresAtMs }: OperationRecord): ExpiryKey {
  return [Math.ceil(expiresAtMs), 'record', id];
}

function holderOf({ id, ownedUntilMs }: OperationRecord): string {
  return `${ownedUntilMs} ${id}`;
}

function parseHolder(text: string): { ownedUntilMs: number; id: string } {
  const end = text.indexOf(' ');
  return { ownedUntilMs: Number(text.slice(0, end)), id: text.slice(end + 1) };
}
