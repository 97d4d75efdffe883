import { once } from 'node:events';
import type { Target } from './attack.js';
import { openSocket } from './websocket-attacks.js';

/** Streams, WebSockets and waiting queries that one tenant may have, as docs/configuration.md says. */
const PLACES_OF_A_TENANT = 500;

/** Signs in on as many WebSockets as the tenant may have, plus one, and counts those that were accepted. */
export async function countFreeStreams(target: Target): Promise<{ free: number; places: number }> {
  const sockets = [];
  let free = 0;
  while (sockets.length <= PLACES_OF_A_TENANT) {
    const socket = await openSocket(target);
    sockets.push(socket);
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${target.token}` } }));
    const accepted = once(socket, 'message').then(() => true);
    if (!(await Promise.race([accepted, once(socket, 'close').then(() => false)]))) break;
    free += 1;
  }
  for (const socket of sockets) socket.terminate();
  return { free, places: PLACES_OF_A_TENANT };
}
