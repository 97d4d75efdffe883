import type { Answer } from './answer.js';
import type { Authentication } from './authentication.js';
import type { Route } from './operation.js';
import type { ReceivedRequest } from './received-request.js';

/** One request on its way to an operation. */
export interface Call {
  readonly request: ReceivedRequest;
  readonly route: Route;
  readonly authentication: Authentication;
  readonly requestId: string;
  /** Decide the answer as usual but leave everything as it was. */
  readonly isRehearsal: boolean;
}

/** What an operation came to. */
export interface Outcome {
  readonly answer: Answer;
  /** The connection that was created or deleted; absent when nothing changed. */
  readonly appliedConnectionId?: string;
}
