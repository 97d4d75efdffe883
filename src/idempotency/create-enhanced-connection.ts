import type { OperationContext } from '../dli/dli-error.js';
import type { CreateCommand } from './create-connection.js';
import type { CreateOutcome } from './outcome.js';

/** Creates enhanced connections like {@link CreateConnection}, then binds them to the resources of the call. */
export class CreateEnhancedConnection {
  /** Runs the create, or replays the outcome of the one that this call repeats. */
  run(_command: CreateCommand, _context: OperationContext): Promise<CreateOutcome> {
    throw new TypeError('not built yet');
  }
}
