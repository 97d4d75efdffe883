import type { AuthenticationFailure, Authenticator, CredentialUse } from '../huawei-cloud/authentication.js';
import { AuthenticationError } from '../huawei-cloud/authentication.js';
import type { DliErrorCode } from './dli-error.js';
import { DliError } from './dli-error.js';
import type { DliLog } from './dli-log.js';
import type { OperationScope } from './operation-scope.js';

const CODE_OF_FAILURE: Readonly<Record<AuthenticationFailure, DliErrorCode>> = {
  CREDENTIAL_REFUSED: 'AUTH_FAILED',
  REFUSED: 'AUTH_FAILED',
  UNAVAILABLE: 'AUTH_UNAVAILABLE',
  // IAM is fine; it is DLI that does not answer those who went ahead.
  NO_TURN: 'UNAVAILABLE',
};

/**
 * An authentication for one call, which must be settled.
 *
 * @throws {DliError} AUTH_FAILED, AUTH_UNAVAILABLE or UNAVAILABLE, after a line in the log
 */
export async function signIn(
  authenticator: Authenticator,
  log: DliLog,
  { deadline, traceId }: OperationScope,
): Promise<CredentialUse> {
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
    throw new DliError(outcome, { retryAfterSeconds });
  }
}
