import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { onCleanup } from './clean-up.js';
import { QUICK_FOLDER } from './quick-folder.js';

/** A pipe like the one between a program and its log collector. It buffers 64 KiB of unread data. */
export interface LogPipe {
  /** The read end, which reads nothing until it has a listener. `destroy` closes it. */
  reader: Socket;
  /** Opens another read end. */
  reopen(): Socket;
  /** Fills the pipe with empty lines until it accepts no more. The reader must be paused. */
  fill(): Promise<void>;
}

/** PIPE_BUF bytes, the most that a pipe accepts either as a whole or not at all. */
const EMPTY_LINES = '\n'.repeat(4_096);

/**
 * Starts a program with a pipe for its log; Node itself would use a socket.
 *
 * @param start is called with the file descriptor of the program's end
 */
export function withLogPipe<T>(start: (stdout: number) => T): T & LogPipe {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-pipe-'));
  onCleanup(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reopen = () => {
    // Without this flag, it would wait for the other end to be opened.
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const reader = new Socket({ fd: readEnd, readable: true, writable: false });
    onCleanup(() => reader.destroy());
    return reader;
  };
  const reader = reopen();
  const fill = async () => {
    const writeEnd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    // Even a paused reader reads until its own buffer is full.
    while (reader.readableLength < reader.readableHighWaterMark) {
      writeUntilFull(writeEnd);
      await setImmediate();
    }
    writeUntilFull(writeEnd);
    closeSync(writeEnd);
  };
  const stdout = openSync(path, constants.O_WRONLY);
  const started = start(stdout);
  closeSync(stdout);
  return { ...started, reader, reopen, fill };
}

function writeUntilFull(writeEnd: number): void {
  try {
    for (;;) writeSync(writeEnd, EMPTY_LINES);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
