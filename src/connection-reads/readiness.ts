import type { Resource } from '../dli/connection.js';
import { isOverdue, isSameResource, stateOfWireName } from '../dli/connection.js';
import type { DescribedConnection, DescribedEnhancedConnection } from '../dli/responses.js';
import type { ReadConnection, ReadEnhancedConnection } from './connection-snapshot.js';

/** Whether jobs can use an enhanced connection: the states of its bindings in one word. */
export const ConnectionReadiness = {
  UNBOUND: 'UNBOUND',
  BINDING: 'BINDING',
  READY: 'READY',
  PARTLY_READY: 'PARTLY_READY',
  FAILED: 'FAILED',
  DELETED: 'DELETED',
} as const;

/** One of {@link ConnectionReadiness}. */
export type ConnectionReadiness = (typeof ConnectionReadiness)[keyof typeof ConnectionReadiness];

/** The readiness of an enhanced connection. */
export function readinessOf({ state, bindings }: DescribedEnhancedConnection): ConnectionReadiness {
  if (stateOfWireName(state) === 'DELETED') return ConnectionReadiness.DELETED;
  if (bindings.length === 0) return ConnectionReadiness.UNBOUND;
  const states = bindings.map(binding => stateOfWireName(binding.state));
  if (states.every(each => each === 'ACTIVE')) return ConnectionReadiness.READY;
  if (states.includes('ACTIVE')) return ConnectionReadiness.PARTLY_READY;
  // No value fits undocumented states: no job can use the connection, but it has not failed either.
  return states.every(each => each === 'FAILED') ? ConnectionReadiness.FAILED : ConnectionReadiness.BINDING;
}

/** Whether DLI has finished its work on a connection: neither its creation nor a binding is in progress. */
export function isSettled(connection: DescribedConnection): boolean {
  const state = stateOfWireName(connection.state);
  if (connection.kind === 'CLASSIC') return state !== 'CREATING';
  return state === 'DELETED' || !connection.bindings.some(binding => stateOfWireName(binding.state) === 'CREATING');
}

/**
 * Whether each resource is bound or has failed to bind. For a classic connection, whether it is settled.
 *
 * @param until for each resource, the names under which it may be bound: its own and that of its pool
 */
export function areBindingsSettled(connection: DescribedConnection, until: readonly (readonly Resource[])[]): boolean {
  if (connection.kind === 'CLASSIC') return isSettled(connection);
  const ended = connection.bindings.filter(({ state }) => ['ACTIVE', 'FAILED'].includes(stateOfWireName(state)));
  return until.every(names => ended.some(binding => names.some(name => isSameResource(binding, name))));
}

/** A connection that was read from DLI at `readAtMs`, in milliseconds since 1970-01-01 UTC. */
export function toReadConnection(connection: DescribedConnection & { id: string }, readAtMs: number): ReadConnection {
  // The list keeps the objects of classic connections that have not changed.
  return connection.kind === 'CLASSIC' ? connection : toReadEnhancedConnection(connection, readAtMs);
}

/** {@link toReadConnection} for enhanced connections. */
export function toReadEnhancedConnection(
  connection: DescribedEnhancedConnection & { id: string },
  readAtMs: number,
): ReadEnhancedConnection {
  const bindings = connection.bindings.map(binding => ({
    ...binding,
    isOverdue: isOverdue(binding, connection.createdAtMs, readAtMs),
  }));
  return { ...connection, bindings };
}
