import type { AuthenticationFailure, Authenticator, CredentialUse } from '../huawei-cloud/authenticator.js';
import { AuthenticationError } from '../huawei-cloud/authenticator.js';
import type { DliErrorCode, DliLog, FailedResult, OperationContext } from './dli-error.js';
import { failedResult } from './dli-error.js';

/** Acquires the credential of one request, which must be settled. Logs a failure. */
export type SignIn = (context: OperationContext) => Promise<CredentialUse | (FailedResult & { code: DliErrorCode })>;

const CODE_OF_FAILURE: Readonly<Record<AuthenticationFailure, DliErrorCode>> = {
  CREDENTIAL_REFUSED: 'AUTH_FAILED',
  REFUSED: 'AUTH_FAILED',
  UNAVAILABLE: 'AUTH_UNAVAILABLE',
  // IAM works, but DLI has not answered the probe.
  PROBE_TIMEOUT: 'UNAVAILABLE',
};

/** Creates the function that signs in to DLI. */
export function createSignIn(authenticator: Authenticator, log: DliLog): SignIn {
  return async ({ deadline, traceId }) => {
    try {
      return await authenticator.authenticate(deadline);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const outcome = CODE_OF_FAILURE[error.failure];
      const { message: detail, retryAfterSeconds } = error;
      log.warn(
        { traceId, operation: 'authenticate', outcome, durationMs: 0, mayHaveBeenSent: false, detail },
        'no authentication for DLI',
      );
      return failedResult(outcome, { retryAfterSeconds });
    }
  };
}
