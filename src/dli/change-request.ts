import type { ChangeResult } from './connection.js';
import type { OperationContext } from './dli-error.js';
import type { RepeatableRequest, RepeatableRequests } from './repeatable-request.js';
import type { DecodedResponse } from './responses.js';
import { readErrorBody } from './sanitize.js';

/** Sends requests that change something, such as a delete. A failure with status 2xx is logged as a failure, too. */
export class ChangeRequests {
  constructor(private readonly requests: RepeatableRequests) {}

  /**
   * Sends one request, and a second one only as {@link RepeatableRequests} does.
   *
   * @param readKind reads what was done, like `readChange`; undefined makes the response an error
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} with any code
   */
  send<K extends string>(
    request: RepeatableRequest,
    context: OperationContext,
    readKind: (response: DecodedResponse) => K | undefined,
  ): Promise<ChangeResult<K>> {
    return this.requests.send<ChangeResult<K>>(
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
}
