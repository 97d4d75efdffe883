import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Random } from '../../helpers/random.js';
import { integer, withProbability } from './odd-values.js';

/** Resolves when a connection is closed. */
export function whenClosed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()));
}

/** Closes a connection with a TCP reset, unless this side has begun to close it. */
export function reset(socket: Socket): void {
  // Once this side has begun to close it, a reset in Node would neither close the connection nor report that.
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}

/** Writes bytes in random pieces, some of them in later turns of the event loop. */
export async function writeInPieces(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  const pieces = withProbability(random, 0.4) ? 1 : integer(random, 2, 12);
  const ends = Array.from({ length: pieces - 1 }, () => integer(random, 0, bytes.length)).sort((a, b) => a - b);
  socket.setNoDelay();
  for (const [index, end] of [...ends, bytes.length].entries()) {
    if (!socket.writable) return;
    socket.write(bytes.subarray(ends[index - 1] ?? 0, end));
    if (withProbability(random, 0.5)) await nextTurn();
  }
}
