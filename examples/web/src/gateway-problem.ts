import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { GatewayError } from 'dli-gateway-client';

/** Why the gateway could not answer, in the words of the page. */
export interface GatewayProblem {
  kind: 'unreachable' | 'unauthenticated' | 'forbidden' | 'unavailable' | 'other';
  title: string;
  message: string;
  /** By which the operators of the gateway find the request in their log. */
  traceId?: string | undefined;
}

interface ErrorAnswer {
  message: string;
  extensions?: { code?: unknown; traceId?: unknown };
}

/** Finds out what kind of failure an error of Apollo Client or of the client package is. */
export function problemOf(error: unknown): GatewayProblem {
  const answer = answerIn(error);
  if (answer === undefined)
    return {
      kind: 'unreachable',
      title: 'The gateway does not answer',
      message: 'It may be stopped, or your network connection is down.',
    };
  const { message, extensions: { code, traceId } = {} } = answer;
  const rest = { message, traceId: typeof traceId === 'string' ? traceId : undefined };
  if (code === 'UNAUTHENTICATED')
    return {
      ...rest,
      kind: 'unauthenticated',
      title: 'Please sign in',
      message: 'This gateway needs an access token.',
    };
  if (code === 'FORBIDDEN') return { ...rest, kind: 'forbidden', title: 'Your access token does not allow this' };
  if (
    typeof code === 'string' &&
    /^UPSTREAM_(?!REJECTED)|^(?:OVERLOADED|RATE_LIMITED|SHUTTING_DOWN|AUTH_UNAVAILABLE)$/.test(code)
  )
    return { ...rest, kind: 'unavailable', title: 'Not possible at the moment' };
  return { ...rest, kind: 'other', title: 'This did not work' };
}

/** The first error that the gateway sent; undefined if it sent nothing that can be read. */
function answerIn(error: unknown): ErrorAnswer | undefined {
  if (CombinedGraphQLErrors.is(error)) return error.errors[0] as ErrorAnswer | undefined;
  if (error instanceof GatewayError) return error.errors[0] ?? unreadable(error.status);
  if (!ServerError.is(error)) return undefined;
  try {
    return JSON.parse(error.bodyText).errors[0];
  } catch {
    return unreadable(error.statusCode);
  }
}

/** Such as the page of a proxy whose gateway is down. */
function unreadable(status: number): ErrorAnswer | undefined {
  return status >= 500 ? undefined : { message: `The gateway answered with status ${status}.` };
}

/** Whether the page itself stopped waiting. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
