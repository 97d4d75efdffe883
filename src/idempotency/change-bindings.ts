import type { Resource } from '../dli/connection.js';
import type { FailedResult, OperationContext } from '../dli/dli-error.js';
import type { DescribedBinding, DescribedEnhancedConnection } from '../dli/responses.js';
import type { UnknownOutcome } from './outcome.js';

/** A validated request to bind a connection to resources, or to take them from it. */
export interface ChangeBindingsCommand {
  action: 'bind' | 'unbind';
  /** A UUID. */
  connectionId: string;
  /** 1 to 20, in lower case. */
  resources: readonly Resource[];
}

/** The result of a bind or unbind, before it becomes a GraphQL payload. */
export type ChangeBindingsOutcome =
  /** `bindings`: of the resources that were asked for; a queue of a pool is shown as its pool. Empty after an unbind. */
  | { kind: 'changed'; connection: DescribedEnhancedConnection & { id: string }; bindings: DescribedBinding[] }
  /** There is no enhanced connection with this id. */
  | { kind: 'notFound' }
  /** These pools or queues do not exist. */
  | { kind: 'resourcesNotFound'; names: string[]; changed: string[] }
  /** DLI is at work on these bindings, or they have failed and cannot be unbound: then `waitSeconds` is null. */
  | { kind: 'busy'; bindings: DescribedBinding[]; waitSeconds: number | null; changed: string[] }
  /** `changed`: the names that the same call has bound or unbound all the same. */
  | (FailedResult & { changed: string[] })
  | UnknownOutcome;

/** Binds enhanced connections to pools and queues, and takes them from them. A repeat has the same outcome. */
export class ChangeBindings {
  /** Runs the change. */
  run(_command: ChangeBindingsCommand, _context: OperationContext): Promise<ChangeBindingsOutcome> {
    throw new TypeError('not built yet');
  }
}
