import { serviceOfWireName } from '../dli/connection.js';
import type { ConnectionList, DescribedConnection } from '../dli/responses.js';
import type { OperationRecord } from '../operation-store/operation-record.js';

/** How far from the time of the create a connection may be and still cast doubt, in milliseconds. */
const NEAR_MS = 5 * 60_000;
// DLI's own machines need not agree to the millisecond.
const SLACK_MS = 1_000;

/** When a create may have made its connection: milliseconds since 1970-01-01 UTC, by our clock. */
export interface TimeSpan {
  fromMs: number;
  untilMs: number;
}

/**
 * What a list says about one create.
 *
 * `near`: one connection is what was wanted, but was made minutes before or after. `ambiguous`: several are.
 * `incomplete`: the list says too little about one that may be it.
 */
export type Match =
  | { kind: 'absent' | 'near' | 'ambiguous' | 'incomplete' }
  | { kind: 'found'; connectionId: string };

/**
 * Looks for the connection that a create may have made.
 *
 * It is recognised by name, service, address and time of creation. The list shows neither network nor security
 * group, so what is found is probably, not certainly, the create's own.
 */
export function matchConnection(
  wanted: OperationRecord['wanted'],
  { fromMs, untilMs }: TimeSpan,
  { connections, skew = { leastMs: 0, mostMs: 0 } }: ConnectionList,
): Match {
  const earliestMs = fromMs + skew.leastMs - SLACK_MS;
  const latestMs = untilMs + skew.mostMs + SLACK_MS;
  const isOther = ({ service, destination, createdAtMs }: DescribedConnection) =>
    (service !== null && serviceOfWireName(service) !== wanted.service) ||
    (destination !== null && destination !== wanted.url) ||
    (createdAtMs !== null && (createdAtMs < earliestMs - NEAR_MS || createdAtMs > latestMs + NEAR_MS));
  const living = connections.filter(({ state }) => state !== 'DELETED');
  const alike = living.filter(connection => connection.name === wanted.name && !isOther(connection));
  const [only] = alike;
  const isNameless = living.some(({ name }) => name === null);
  if (only === undefined) return { kind: isNameless ? 'incomplete' : 'absent' };
  const { id, service, destination, createdAtMs } = only;
  if (alike.length > 1) return { kind: 'ambiguous' };
  if (id === null || service === null || destination === null || createdAtMs === null)
    return { kind: 'incomplete' };
  const isInTime = createdAtMs >= earliestMs && createdAtMs <= latestMs;
  return isInTime ? { kind: 'found', connectionId: id } : { kind: 'near' };
}
