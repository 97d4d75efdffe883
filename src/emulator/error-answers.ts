import type { Answer } from './answer.js';
import { jsonAnswer } from './answer.js';
import { findDocumentedError } from './error-tables.js';

/** DLI's own error: `{error_code, error_msg}` with the status of its table and the given or documented text. */
export function dliError(code: string, message?: string, status?: number): Answer {
  const documented = findDocumentedError(code, status);
  return jsonAnswer(documented?.status ?? 400, {
    error_code: code,
    error_msg: message ?? documented?.message ?? '',
  });
}

/**
 * An error of the API gateway in front of every service: `{error_msg, error_code, request_id}`.
 * The `detail` follows the standard text after a colon, as the documented samples show it.
 */
export function gatewayError(code: string, requestId: string, detail = '', status?: number): Answer {
  const documented = findDocumentedError(code, status);
  const message = documented?.message ?? '';
  return jsonAnswer(documented?.status ?? 500, {
    error_msg: detail === '' ? message : `${message.replace(/\.$/, '')}: ${detail}`,
    error_code: code,
    request_id: requestId,
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
};

/** An error of IAM's v3 calls: `{error: {code, message, title}}`, where the code is the HTTP status as a number. */
export function keystoneError(status: number, message: string): Answer {
  return jsonAnswer(status, { error: { code: status, message, title: TITLES[status] ?? 'Error' } });
}

/** The documented answer for any known code, in the shape of the producer that its prefix names. */
export function documentedErrorAnswer(code: string, requestId: string, status?: number): Answer {
  if (/^APIGW?\./.test(code)) return gatewayError(code, requestId, '', status);
  const documented = findDocumentedError(code, status);
  return jsonAnswer(documented?.status ?? 500, { error_code: code, error_msg: documented?.message ?? '' });
}
