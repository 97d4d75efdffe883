import type { ConnectionList, ListedConnection } from '../dli/connection-list.js';
import { serviceOfWireName } from '../dli/datasource-service.js';
import type { OperationRecord } from './operation-record.js';

const WINDOW_MS = 5 * 60_000;

/** What a list says about one create: absent, one connection that fits, or not to be decided. */
export type Match =
  | { kind: 'absent' }
  | { kind: 'found'; connectionId: string }
  | { kind: 'ambiguous'; count: number };

/**
 * Looks for the connection that a create may have made.
 *
 * It fits by name, service, address and time of creation. The list shows neither network nor security group,
 * so a fit is probable, not certain; two fits decide nothing, and neither does one of the right name whose
 * other fields are missing.
 */
export function matchConnection(
  { wanted, sentAtMs }: OperationRecord,
  { connections, clockSkewMs }: ConnectionList,
  nowMs: number,
): Match {
  const named = connections.filter(({ name, state }) => name === wanted.name && state !== 'DELETED');
  const earliestMs = sentAtMs + clockSkewMs - WINDOW_MS;
  const latestMs = nowMs + clockSkewMs + WINDOW_MS;
  const isOther = ({ service, destination, createdAtMs }: ListedConnection) =>
    (service !== null && serviceOfWireName(service) !== wanted.service) ||
    (destination !== null && destination !== wanted.url) ||
    (createdAtMs !== null && (createdAtMs < earliestMs || createdAtMs > latestMs));
  const fitting = named.filter(connection => !isOther(connection));
  const [only] = fitting;
  const isNameless = connections.some(({ name, state }) => name === null && state !== 'DELETED');
  if (only === undefined) return isNameless ? { kind: 'ambiguous', count: 0 } : { kind: 'absent' };
  const { id, service, destination, createdAtMs } = only;
  const isComplete = service !== null && destination !== null && createdAtMs !== null;
  if (fitting.length > 1 || !isComplete || id === null) return { kind: 'ambiguous', count: fitting.length };
  return { kind: 'found', connectionId: id };
}
