import type { Answer } from './answer.js';
import { jsonAnswer, textAnswer } from './answer.js';
import { documentedErrorAnswer } from './error-answers.js';
import type { Fault } from './fault.js';
import type { LedgerOperation } from './operation.js';

/** The answer that a fault dictates; undefined when it dictates only how, or when, the real one is sent. */
export function scriptedAnswer(
  fault: Fault,
  operation: LedgerOperation,
  requestId: string,
): Answer | undefined {
  const { body, error, redirectTo } = fault;
  const location: Record<string, string> = redirectTo === undefined ? {} : { location: redirectTo };
  if (error !== undefined) return documentedErrorAnswer(error, requestId, fault.status);
  const status = fault.status ?? (redirectTo === undefined ? usualStatus(operation) : 302);
  if (typeof body === 'object') return jsonAnswer(status, body, location);
  if (body !== undefined) return textAnswer(status, body, { ...contentTypeOf(body), ...location });
  if (fault.status !== undefined || redirectTo !== undefined) return textAnswer(status, '', location);
  return undefined;
}

/** Does this fault leave the operation and the content of its answer alone, so that it is carried out by default? */
export function isOnlyDelayOrHeaders(fault: Fault): boolean {
  const { behaviour = 'answer', status, body, error, redirectTo } = fault;
  return behaviour === 'answer' && [status, body, error, redirectTo].every(value => value === undefined);
}

function usualStatus(operation: LedgerOperation): number {
  return operation === 'createConnection' || operation === 'issueToken' ? 201 : 200;
}

function contentTypeOf(body: string): Record<string, string> {
  if (body === '') return {};
  return { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' };
}
