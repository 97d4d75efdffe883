import { types } from 'node:util';

/**
 * Why no complete answer came.
 *
 * UNREACHABLE, CONNECT_TIMEOUT and TLS: no connection came about. BREAKER_OPEN: none was tried, because too many
 * had failed before.
 */
export type TransportFailure =
  | 'UNREACHABLE'
  | 'CONNECT_TIMEOUT'
  | 'TLS'
  | 'BREAKER_OPEN'
  | 'OVERLOADED'
  | 'TIMEOUT'
  | 'CONNECTION_LOST'
  | 'TOO_LARGE'
  | 'UNREADABLE';

/**
 * A call that ended without a complete answer.
 *
 * Carries no request, answer or error of the HTTP library: those print tokens and bodies when logged.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly failure: TransportFailure;
  /** False only when it is proven that no byte of the request left this process. */
  readonly mayHaveBeenSent: boolean;
  /** System or library error code such as ECONNREFUSED, for the log. */
  readonly causeCode: string | undefined;

  constructor(failure: TransportFailure, mayHaveBeenSent: boolean, causeCode?: string) {
    super(`Upstream call failed: ${failure}`);
    this.failure = failure;
    this.mayHaveBeenSent = mayHaveBeenSent;
    this.causeCode = causeCode;
  }
}

/** The code of an error thrown by Node or undici, looked for inside an AggregateError too. */
export function codeOf(error: unknown): string | undefined {
  if (!types.isNativeError(error)) return undefined;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined;
}

/** What kept a connection from coming about, by the code of the error. */
export function connectFailureOf(code: string | undefined): 'UNREACHABLE' | 'CONNECT_TIMEOUT' | 'TLS' {
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'CONNECT_TIMEOUT';
  // A fresh connection that is reset before its first request was still in its handshake.
  if (code === 'EPROTO' || code === 'ECONNRESET') return 'TLS';
  // The system's names are one word behind an E; OpenSSL's and Node's own for certificates never are.
  return code === undefined || /^(E[A-Z0-9]+|EAI_[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code) ? 'UNREACHABLE' : 'TLS';
}
