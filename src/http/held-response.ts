import type { ServerResponse } from 'node:http';
import type { HeldConnections } from '../auth/connection-quota.js';

/** When a tenant who holds too many connections may try to open another one. */
export const HELD_RETRY_AFTER_SECONDS = 5;

/**
 * Counts a response as a connection that its tenant holds open, until it is closed.
 *
 * @returns false, without counting it, when it is one too many
 */
export function holdResponse(raw: ServerResponse, connections: HeldConnections, tenant: string): boolean {
  const release = connections.hold(tenant);
  if (release === undefined) return false;
  // Its client may have gone meanwhile.
  if (raw.closed) release();
  else raw.once('close', release);
  return true;
}
