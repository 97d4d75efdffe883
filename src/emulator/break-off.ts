import type { Socket } from 'node:net';

/** Ends a connection with RST. What was written and handed to the system before still arrives. */
export function breakOff(socket: Socket): void {
  // Left alone, `resetAndDestroy` first ends its own side in order, and the caller would see a FIN before the RST.
  socket._final = callback => callback();
  socket.resetAndDestroy();
}
