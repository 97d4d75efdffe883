import type { Resource } from '../dli/connection.js';
import { ConnectionState, isSameResource, stateOfWireName } from '../dli/connection.js';
import type { FailedResult } from '../dli/dli-error.js';
import type { DescribedBinding, DescribedEnhancedConnection } from '../dli/responses.js';
import type { UnknownOutcome } from './outcome.js';

/** How soon to repeat a bind or unbind that did nothing yet, or whose outcome is unknown, in seconds. */
export const BINDINGS_RETRY_AFTER_SECONDS = 5;
const NOT_FOUND_CODE = 'DLI.0002';

/** What to do with the bindings of a connection. */
export type BindingAction = 'bind' | 'unbind';

/** An enhanced connection with its id. */
export type EnhancedConnection = DescribedEnhancedConnection & { id: string };

/** The result of a bind or unbind, before it becomes a GraphQL payload. `changed`: names that it changed anyway. */
export type ChangeBindingsOutcome =
  /** `bindings`: of the requested resources; a queue of a pool is shown as its pool. Empty after an unbind. */
  | { kind: 'changed'; connection: EnhancedConnection; bindings: DescribedBinding[] }
  /** There is no enhanced connection with this id. */
  | { kind: 'notFound' }
  /** These pools or queues do not exist. */
  | { kind: 'resourcesNotFound'; names: string[]; changed: string[] }
  /** DLI is working on these bindings, or they have failed and cannot be unbound: then `waitSeconds` is null. */
  | { kind: 'busy'; bindings: DescribedBinding[]; waitSeconds: number | null; changed: string[] }
  | (FailedResult & { changed: string[] })
  | UnknownOutcome;

/** The result of the change of one binding. */
export type BindingOutcome =
  /** `hasSent`: whether this call changed it. */
  | { kind: 'done'; hasSent: boolean }
  /** The connection is gone. */
  | { kind: 'gone' }
  | { kind: 'resourceNotFound' }
  | { kind: 'busy'; binding: DescribedBinding; waitSeconds: number | null }
  | FailedResult
  | UnknownOutcome;

/** One resource of a call: as requested, what DLI binds in its place, and what became of it. */
export interface BindingChange {
  requested: Resource;
  bound: Resource;
  outcome: BindingOutcome;
}

/** The outcome of a call if a change failed; undefined if all succeeded. The least certain failure wins. */
export function unfinishedOutcome(changes: readonly BindingChange[]): ChangeBindingsOutcome | undefined {
  const changed: string[] = [];
  const notFound: string[] = [];
  const busy: (BindingOutcome & { kind: 'busy' })[] = [];
  let failed: FailedResult | undefined;
  let unknown: UnknownOutcome | undefined;
  for (const { requested, outcome } of changes) {
    switch (outcome.kind) {
      case 'gone':
        return { kind: 'notFound' };
      case 'unknown':
        unknown ??= outcome;
        break;
      case 'failed':
        failed ??= outcome;
        break;
      case 'resourceNotFound':
        notFound.push(requested.name);
        break;
      case 'busy':
        busy.push(outcome);
        break;
      case 'done':
        if (outcome.hasSent) changed.push(requested.name);
        break;
      default:
        outcome satisfies never;
    }
  }
  if (unknown !== undefined) return unknown;
  if (failed !== undefined) return { ...failed, changed };
  if (notFound.length > 0) return { kind: 'resourcesNotFound', names: notFound, changed };
  if (busy.length === 0) return undefined;
  const waits = busy.flatMap(({ waitSeconds }) => waitSeconds ?? []);
  // Waiting does not help with bindings that have failed.
  const waitSeconds = waits.length === busy.length ? Math.max(...waits) : null;
  return { kind: 'busy', bindings: busy.map(({ binding }) => binding), waitSeconds, changed };
}

/**
 * The outcome of a change that DLI has refused, and has not made.
 *
 * @param binding the binding as it is now; undefined if there is none
 */
export function refusedOutcome(failure: FailedResult, binding: DescribedBinding | undefined): BindingOutcome {
  if (binding === undefined) return failure.upstreamCode === NOT_FOUND_CODE ? { kind: 'resourceNotFound' } : failure;
  const state = stateOfWireName(binding.state);
  if (state === ConnectionState.FAILED) return { kind: 'busy', binding, waitSeconds: null };
  if (state === ConnectionState.CREATING) return { kind: 'busy', binding, waitSeconds: BINDINGS_RETRY_AFTER_SECONDS };
  return failure;
}

/** The outcome of a call whose changes DLI has made. */
export function changedOutcome(
  action: BindingAction,
  connection: EnhancedConnection,
  resources: readonly Resource[],
): ChangeBindingsOutcome {
  const isRequested = (binding: DescribedBinding) => resources.some(resource => isSameResource(binding, resource));
  return { kind: 'changed', connection, bindings: action === 'bind' ? connection.bindings.filter(isRequested) : [] };
}

/** The binding of a resource, if there is one. */
export function findBinding(bindings: readonly DescribedBinding[], resource: Resource): DescribedBinding | undefined {
  return bindings.find(binding => isSameResource(binding, resource));
}

/** Whether a resource is bound (after a bind, whatever the state of the binding) or unbound (after an unbind). */
export function isAsWanted(action: BindingAction, bindings: readonly DescribedBinding[], resource: Resource): boolean {
  return (findBinding(bindings, resource) !== undefined) === (action === 'bind');
}

/** The bindings with those that DLI has accepted, but does not show yet, or without those that it has removed. */
export function expectedBindings(
  action: BindingAction,
  bindings: readonly DescribedBinding[],
  resources: readonly Resource[],
): DescribedBinding[] {
  if (action === 'unbind')
    return bindings.filter(binding => !resources.some(resource => isSameResource(binding, resource)));
  const added = resources.filter(resource => findBinding(bindings, resource) === undefined);
  const unknown = { peeringId: null, problem: null, cause: null, updatedAtMs: null };
  return [...bindings, ...added.map(resource => ({ ...resource, ...unknown, state: ConnectionState.CREATING }))];
}
