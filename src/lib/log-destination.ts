import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

// Under load many lines share one write. A line waits at most for the interval.
const BATCH_CHARACTERS = 8_192;
const BATCH_INTERVAL_MS = 100;
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const FLUSH_TIMEOUT_MS = 1_000;
// A quote within a value is escaped, so no value can look like it.
const AUDIT_MARK = '"channel":"audit"';

/** Log lines that were not written. */
interface DroppedLines {
  lines: number;
  /** How many of them belong to the audit log. */
  auditLines: number;
}

/**
 * Writes log lines to a stream in batches, without ever waiting for its reader.
 *
 * Lines that do not fit into the buffer, or whose write fails, are dropped and counted. As soon as lines can be written
 * again, one line reports how many were dropped since the start. `process.stdout` is asynchronous for pipes and
 * continues after an error.
 */
export class LogDestination {
  /** Batches that wait for the one being written, oldest first. */
  readonly #queue: string[] = [];
  /** Lines of the batch that is being filled. */
  #batch = '';
  /** The batch that is being written; empty if there is none. */
  #current = '';
  #bufferedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isTorn = false;
  readonly #dropped: DroppedLines = { lines: 0, auditLines: 0 };
  #reportedLines = 0;
  #onIdle: (() => void) | undefined;

  /** @param maxBufferedBytes how much may wait for the reader; default 64 MiB */
  constructor(
    private readonly stream: Writable,
    private readonly maxBufferedBytes = MAX_BUFFERED_BYTES,
  ) {
    // The callback of each write gets the error, too.
    stream.on('error', () => {});
  }

  /** The lines dropped so far. */
  get dropped(): Readonly<DroppedLines> {
    return this.#dropped;
  }

  /** Adds one line, with its line break. */
  write(line: string): void {
    if (this.#bufferedBytes + Buffer.byteLength(line) > this.maxBufferedBytes) this.#drop(line);
    else this.#add(line);
  }

  /** Writes everything, for a second at most. */
  async end(): Promise<void> {
    this.#reportDropped();
    this.#flush();
    if (this.#current === '') return;
    const written = new Promise<void>(resolve => {
      this.#onIdle = resolve;
    });
    await Promise.race([written, delay(FLUSH_TIMEOUT_MS)]);
  }

  /**
   * Writes what the operating system accepts at once, right before the process ends.
   *
   * @returns whether lines of the audit log were lost, now or earlier
   */
  finish(): boolean {
    const { stream } = this;
    const rest = this.#queue.splice(0).join('') + this.#batch;
    this.#batch = '';
    if (rest !== '') this.#send(rest);
    const isWritten = stream.writableLength === 0 && stream.errored === null;
    return this.#dropped.auditLines > 0 || (!isWritten && `${this.#current}${rest}`.includes(AUDIT_MARK));
  }

  #add(line: string): void {
    this.#bufferedBytes += Buffer.byteLength(line);
    this.#batch += line;
    if (this.#batch.length >= BATCH_CHARACTERS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BATCH_INTERVAL_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch === '') return;
    this.#queue.push(this.#batch);
    this.#batch = '';
    this.#writeNext();
  }

  #writeNext(): void {
    if (this.#current !== '') return;
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#onIdle?.();
      return;
    }
    this.#current = next;
    this.#send(next, error => this.#finishWrite(next, error));
  }

  #send(text: string, onWritten?: (error: Error | null | undefined) => void): void {
    // An empty line does no harm, but the rest of a torn one would spoil the next.
    this.stream.write(this.#isTorn ? `\n${text}` : text, onWritten);
  }

  #finishWrite(text: string, error: Error | null | undefined): void {
    this.#current = '';
    this.#bufferedBytes -= Buffer.byteLength(text);
    this.#isTorn = error instanceof Error;
    if (error instanceof Error) this.#drop(text);
    // Not before there is room, or a slow reader would get little else.
    else if (this.#bufferedBytes <= this.maxBufferedBytes / 2) this.#reportDropped();
    this.#writeNext();
  }

  #drop(text: string): void {
    this.#dropped.lines += count(text, '\n');
    this.#dropped.auditLines += count(text, AUDIT_MARK);
  }

  // Written here, because LOG_LEVEL must not hide it. The total since the start, because this line may be lost, too.
  #reportDropped(): void {
    const { lines: total } = this.#dropped;
    if (total === this.#reportedLines) return;
    this.#reportedLines = total;
    const record = { level: 40, time: Date.now(), operation: 'log', outcome: 'DROPPED', total };
    // Even if the buffer is full.
    this.#add(`${JSON.stringify({ ...record, msg: 'log lines dropped' })}\n`);
  }
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
