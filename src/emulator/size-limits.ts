import type { Answer } from './answer.js';
import { gatewayError } from './error-answers.js';
import type { RequestHead } from './received-request.js';

/** The gateway's limits, from the table of its error APIGW.0201. */
export const MAX_BODY_BYTES = 12 * 1_024 * 1_024;
const MAX_TARGET_BYTES = 32 * 1_024;
const MAX_HEADER_BYTES = 32 * 1_024;
const MAX_ALL_HEADERS_BYTES = 128 * 1_024;

/** The gateway's answer to a request that is too large in some way; undefined when it is not. */
export function refuseBySize(
  head: RequestHead,
  isBodyTooLarge: boolean,
  requestId: string,
): Answer | undefined {
  const status = tooLargeStatus(head, isBodyTooLarge);
  return status === undefined ? undefined : gatewayError('APIGW.0201', requestId, '', status);
}

function tooLargeStatus(head: RequestHead, isBodyTooLarge: boolean): 413 | 414 | 494 | undefined {
  if (head.path.length + head.query.length > MAX_TARGET_BYTES) return 414;
  const sizes = [...head.headers].map(([name, value]) => name.length + Buffer.byteLength(value));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (totalBytes > MAX_ALL_HEADERS_BYTES || sizes.some(size => size > MAX_HEADER_BYTES)) return 494;
  return isBodyTooLarge ? 413 : undefined;
}
