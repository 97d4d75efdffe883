const FIRST_ARRAY_BYTES = 64 * 1024;
const SPACES: ReadonlySet<number | undefined> = new Set(Buffer.from(' \t\r\n'));

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Thrown when more of a body would have to be buffered than is allowed. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

interface Options {
  /** The key of the arrays. */
  key: string;
  /** A longer array is an error, because each is buffered as a whole. */
  maxArrayBytes: number;
  /** Returns the replacement of an array, given its text, which is valid only during the call. */
  replace(array: Buffer): Buffer;
}

/**
 * Replaces the arrays of one key in a JSON text while it arrives: what follows `"key":` is replaced if it is an array.
 *
 * Everything else passes through unchanged, including an array without an end and a key with needless escapes. Only
 * brackets and strings are examined, so an array may be invalid JSON.
 */
export class JsonArrayFilter {
  readonly #key: Buffer;
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

  constructor(private readonly options: Options) {
    this.#key = Buffer.from(JSON.stringify(options.key));
  }

  /**
   * Filters the next bytes, which may be cut anywhere. Returns what is complete so far.
   *
   * @throws {BodyTooLargeError} if an array is too long
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
        if (!this.#isInArray) kept.push(Buffer.from(this.options.replace(this.#takeArray())));
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

  /** The position of the next array, or the end of the chunk. */
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
    // Only at the start of a chunk may bytes before `start` belong to the key.
    const previous = start === 0 ? this.#previous : Buffer.alloc(0);
    this.#previous = Buffer.alloc(0);
    const seam = Buffer.concat([previous, chunk.subarray(start, start + this.#key.length)]);
    // A key entirely before the chunk would have been found already.
    const endInSeam = findEnd(seam, this.#key, Math.max(0, previous.length - this.#key.length + 1));
    const end = endInSeam === undefined ? findEnd(chunk, this.#key, start + 1) : start + endInSeam - previous.length;
    if (end === undefined) {
      const tail = chunk.subarray(Math.max(start, chunk.length - this.#key.length));
      this.#previous = Buffer.concat([previous, tail]).subarray(-this.#key.length);
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
    if (bytes > this.options.maxArrayBytes) throw new BodyTooLargeError();
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
}

/** The position after the next key. A quote after a backslash is part of a text, and begins no key. */
function findEnd(bytes: Buffer, key: Buffer, start: number): number | undefined {
  let found = bytes.indexOf(key, start);
  while (found > 0 && bytes[found - 1] === BACKSLASH) found = bytes.indexOf(key, found + 1);
  return found === -1 ? undefined : found + key.length;
}
