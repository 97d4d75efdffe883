import type { ChangeResult } from './connection.js';
import type { OperationContext } from './dli-error.js';
import type { RepeatableRequest, RepeatableRequests } from './repeatable-request.js';
import type { DecodedResponse } from './responses.js';
import { readErrorBody } from './sanitize.js';

/**
 * Sends a request that changes something, such as a delete, and a second one only as {@link RepeatableRequests} does. A
 * failure with status 2xx is logged as a failure, too.
 *
 * @param readKind reads what was done, like `readChange`; undefined makes the response an error
 * @throws {UnknownOutcomeError} when it may have been executed
 * @throws {DliError} with any code
 */
export function sendChange<K extends string>(
  requests: RepeatableRequests,
  request: RepeatableRequest,
  context: OperationContext,
  readKind: (response: DecodedResponse) => K | undefined,
): Promise<ChangeResult<K>> {
  return requests.send<ChangeResult<K>>(
    request,
    context,
    response => {
      const { status, text, requestId, confidential } = response;
      const kind = readKind(response);
      if (kind !== 'unsuccessful') return kind && { kind, requestId };
      return { kind, requestId, upstreamMessage: readErrorBody(status, text, confidential).upstreamMessage };
    },
    ({ kind, upstreamMessage }) => (kind === 'unsuccessful' ? { outcome: kind, upstreamMessage } : {}),
  );
}
