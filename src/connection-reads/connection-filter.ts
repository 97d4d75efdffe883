import type { ConnectionState, DatasourceService, Resource } from '../dli/connection.js';
import { ConnectionKind, isSameResource, serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DliError } from '../dli/dli-error.js';
import { UNSUPPORTED_CODES } from '../dli/dli-error.js';
import type { DescribedClassicConnection, DescribedConnection, DescribedEnhancedConnection } from '../dli/responses.js';
import type { ConnectionReadiness } from './readiness.js';
import { readinessOf } from './readiness.js';

/** Filter of a connection list; an absent criterion matches all connections. */
export interface ConnectionFilter {
  kinds?: readonly ConnectionKind[] | undefined;
  /** Default: all states except DELETED. */
  states?: readonly ConnectionState[] | undefined;
  /** Matches classic connections only. */
  services?: readonly DatasourceService[] | undefined;
  /** Substring of the name, case-insensitive. */
  name?: string | undefined;
  /** Case-insensitive; matches enhanced connections only. */
  vpcId?: string | undefined;
  /** The names under which a resource may be bound, in lower case: a queue and its pool. One of them must be bound. */
  boundTo?: readonly Resource[] | undefined;
  /** Matches enhanced connections only. */
  readiness?: readonly ConnectionReadiness[] | undefined;
}

/** The kinds that could not be listed, with the reason. */
export type ListFailures = ReadonlyMap<ConnectionKind, DliError>;

/** The kinds of connections that a filter can match. */
export function kindsOf({ kinds, services, vpcId, readiness }: ConnectionFilter): ConnectionKind[] {
  return Object.values(ConnectionKind).filter(kind => {
    const isExcluded = kind === 'CLASSIC' ? vpcId !== undefined || readiness !== undefined : services !== undefined;
    return !isExcluded && (kinds === undefined || kinds.includes(kind));
  });
}

/** Whether a kind cannot be listed because DLI does not offer it here, which is not a temporary failure. */
export function isNotOffered({ isNotOffered: isUnknownPath, upstreamCode = '' }: DliError): boolean {
  return isUnknownPath || UNSUPPORTED_CODES.includes(upstreamCode);
}

/**
 * The error of a list that lacks a kind that the filter can match. A kind that DLI does not offer here, or that the
 * gateway has no right to list, is an error only if the list has no other kind.
 *
 * @param acceptsPartial whether any kind may be missing, as long as another is listed
 */
export function failureOf(
  filter: ConnectionFilter,
  failures: ListFailures,
  { acceptsPartial = false } = {},
): DliError | undefined {
  const kinds = kindsOf(filter);
  const failed = kinds.flatMap(kind => {
    const error = failures.get(kind);
    return error === undefined ? [] : [{ kind, error }];
  });
  if (failed.length === kinds.length) return failed[0]?.error;
  return acceptsPartial ? undefined : failed.find(isMissed)?.error;
}

// An identity may have the rights for classic connections only, which were enough for a long time.
function isMissed({ kind, error }: { kind: ConnectionKind; error: DliError }): boolean {
  return !isNotOffered(error) && !(kind === ConnectionKind.ENHANCED && error.code === 'AUTH_FAILED');
}

/** Whether a filter matches deleted connections. */
export function showsDeleted({ states }: ConnectionFilter): boolean {
  return states?.includes('DELETED') ?? false;
}

/** Whether a filter matches a connection. */
export function matches(filter: ConnectionFilter, connection: DescribedConnection): boolean {
  const { kinds, states, name = '' } = filter;
  if (kinds !== undefined && !kinds.includes(connection.kind)) return false;
  const state = stateOfWireName(connection.state);
  if (states === undefined ? state === 'DELETED' : !states.includes(state)) return false;
  if (name !== '' && !(connection.name ?? '').toLowerCase().includes(name.toLowerCase())) return false;
  return connection.kind === 'CLASSIC' ? matchesClassic(filter, connection) : matchesEnhanced(filter, connection);
}

function matchesClassic(filter: ConnectionFilter, { service, queues }: DescribedClassicConnection): boolean {
  const { services, vpcId, boundTo, readiness } = filter;
  if (vpcId !== undefined || readiness !== undefined) return false;
  const names = queues.map(queue => queue.name?.toLowerCase());
  if (boundTo !== undefined && !boundTo.some(({ kind, name }) => kind === 'QUEUE' && names.includes(name)))
    return false;
  if (services === undefined) return true;
  const known = service === null ? undefined : serviceOfWireName(service);
  return known !== undefined && services.includes(known);
}

function matchesEnhanced(filter: ConnectionFilter, connection: DescribedEnhancedConnection): boolean {
  const { services, vpcId, boundTo, readiness } = filter;
  if (services !== undefined) return false;
  if (vpcId !== undefined && connection.vpcId?.toLowerCase() !== vpcId.toLowerCase()) return false;
  if (
    boundTo !== undefined &&
    !connection.bindings.some(binding => boundTo.some(each => isSameResource(binding, each)))
  )
    return false;
  return readiness === undefined || readiness.includes(readinessOf(connection));
}
