import { createHash } from 'node:crypto';
import type { BodyFilter } from '../huawei-cloud/response-collector.js';
import { BodyTooLargeError } from '../huawei-cloud/response-collector.js';
import { isObject, parseJson } from '../lib/json.js';
import type { HostMapping, HostsSummary } from './connection.js';

// 20,000 hosts, the most that a connection may have, are 3.3 MB.
const MAX_ARRAY_BYTES = 8 * 1024 * 1024;
const FIRST_ARRAY_BYTES = 64 * 1024;
const KEY = Buffer.from('"hosts"');
const SPACES: ReadonlySet<number | undefined> = new Set(Buffer.from(' \t\r\n'));

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Replaces the hosts in a JSON text by their summary while it arrives: each member `"hosts":[…]` becomes
 * `"hosts":{"count":n,"version":"…"}`, see {@link summarizeHosts}. A list holds the hosts of all connections, which may be
 * more than fits into memory; only one array is held at a time.
 *
 * Everything else passes unchanged, as does an array that is not valid JSON or has no end, and a key that is written
 * with escapes, which DLI does not do.
 */
export class HostsFilter implements BodyFilter {
  /** What comes next outside of an array: the key, or after it the byte before or at the start of an array. */
  #expected: 'key' | typeof COLON | typeof OPEN_ARRAY = 'key';
  /** The end of the previous chunks, which may be the start of the key, and the byte before that. */
  #previous = Buffer.alloc(0);
  #isInArray = false;
  /** The bytes of the current array, in the first part of the buffer. */
  #array = Buffer.allocUnsafe(FIRST_ARRAY_BYTES);
  #arrayBytes = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /**
   * Takes the next bytes, which may be cut anywhere. Returns those that are complete by now.
   *
   * @throws {BodyTooLargeError} if an array is longer than 8 MB
   */
  write(chunk: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let start = 0; start < chunk.length; ) {
      const isArray = this.#isInArray;
      const end = isArray ? this.#findArrayEnd(chunk, start) : this.#findArray(chunk, start);
      const part = chunk.subarray(start, end);
      start = end;
      if (isArray) {
        this.#append(part);
        if (!this.#isInArray) kept.push(this.#summarize());
      } else if (part.length === chunk.length) {
        return chunk;
      } else {
        kept.push(part);
      }
    }
    // This copies, because a part of the chunk would keep all of it in memory.
    return Buffer.concat(kept);
  }

  /** Returns what was held back: an array without an end. */
  end(): Buffer {
    return this.#takeArray();
  }

  /** The position of the next array of hosts, or the end of the chunk. */
  #findArray(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length) {
      if (this.#expected === 'key') {
        at = this.#findKeyEnd(chunk, at);
      } else if (chunk[at] === this.#expected) {
        if (this.#expected === OPEN_ARRAY) {
          this.#expected = 'key';
          this.#isInArray = true;
          return at;
        }
        this.#expected = OPEN_ARRAY;
        at += 1;
      } else if (SPACES.has(chunk[at])) {
        at += 1;
      } else {
        this.#expected = 'key';
      }
    }
    return at;
  }

  /** The position after the next key, which may have begun in an earlier chunk, or the end of the chunk. */
  #findKeyEnd(chunk: Buffer, start: number): number {
    // Only at the start of a chunk is there anything before `start` that belongs to the key.
    const previous = start === 0 ? this.#previous : Buffer.alloc(0);
    this.#previous = Buffer.alloc(0);
    const seam = Buffer.concat([previous, chunk.subarray(start, start + KEY.length)]);
    // What lies before the chunk altogether was found not to be the key.
    const endInSeam = findKeyEnd(seam, Math.max(0, previous.length - KEY.length + 1));
    const end = endInSeam === undefined ? findKeyEnd(chunk, start + 1) : start + endInSeam - previous.length;
    if (end === undefined) {
      const tail = chunk.subarray(Math.max(start, chunk.length - KEY.length));
      this.#previous = Buffer.concat([previous, tail]).subarray(-KEY.length);
      return chunk.length;
    }
    this.#expected = COLON;
    return end;
  }

  /** The position after the current array, or the end of the chunk. */
  #findArrayEnd(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === QUOTE) this.#isInString = !this.#isInString;
      else if (this.#isInString) this.#isEscaped = byte === BACKSLASH;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) this.#depth -= 1;
      if (this.#depth > 0) continue;
      this.#isInArray = false;
      return at + 1;
    }
    return chunk.length;
  }

  #append(part: Buffer): void {
    const bytes = this.#arrayBytes + part.length;
    if (bytes > MAX_ARRAY_BYTES) throw new BodyTooLargeError();
    if (bytes > this.#array.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#array.length));
      this.#array.copy(larger, 0, 0, this.#arrayBytes);
      this.#array = larger;
    }
    part.copy(this.#array, this.#arrayBytes);
    this.#arrayBytes = bytes;
  }

  #takeArray(): Buffer {
    const array = this.#array.subarray(0, this.#arrayBytes);
    this.#arrayBytes = 0;
    return array;
  }

  #summarize(): Buffer {
    const array = this.#takeArray();
    const hosts = parseJson(array.toString());
    // The reader of the response reports invalid JSON. A copy, because the buffer is used again.
    return Array.isArray(hosts) ? Buffer.from(JSON.stringify(summarizeHosts(hosts))) : Buffer.from(array);
  }
}

/**
 * Summarizes the hosts in a response. Entries that are not objects with texts as `name` and `ip` are left out.
 *
 * The version is the SHA-256 of the JSON text `[["name","ip"],…]` without spaces in UTF-8, sorted by name and then by
 * ip, each by UTF-16 code units. It depends on neither the order nor the other fields of the entries.
 */
export function summarizeHosts(hosts: readonly unknown[]): HostsSummary {
  const pairs = hosts.filter(isHostMapping).map(({ name, ip }) => [name, ip] as const);
  pairs.sort(([name, ip], [otherName, otherIp]) => compare(name, otherName) || compare(ip, otherIp));
  return { count: pairs.length, version: createHash('sha256').update(JSON.stringify(pairs)).digest('hex') };
}

function isHostMapping(entry: unknown): entry is HostMapping {
  return isObject(entry) && typeof entry['name'] === 'string' && typeof entry['ip'] === 'string';
}

function compare(text: string, other: string): number {
  if (text === other) return 0;
  return text < other ? -1 : 1;
}

/** The position after the next key. A quote after a backslash is part of a text, and begins no key. */
function findKeyEnd(bytes: Buffer, start: number): number | undefined {
  let found = bytes.indexOf(KEY, start);
  while (found > 0 && bytes[found - 1] === BACKSLASH) found = bytes.indexOf(KEY, found + 1);
  return found === -1 ? undefined : found + KEY.length;
}
