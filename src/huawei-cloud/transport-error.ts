/**
 * Why no complete response arrived.
 *
 * UNREACHABLE, CONNECT_TIMEOUT and TLS: no connection was established. PROXY_REFUSED: the proxy refuses to open a
 * tunnel. PROXY_FAILED: it cannot open one, or cannot be reached. BREAKER_OPEN: no connection was attempted, because
 * too many had failed before.
 */
export type TransportFailure =
  | 'UNREACHABLE'
  | 'CONNECT_TIMEOUT'
  | 'TLS'
  | 'PROXY_REFUSED'
  | 'PROXY_FAILED'
  | 'BREAKER_OPEN'
  | 'OVERLOADED'
  | 'TIMEOUT'
  | 'CONNECTION_LOST'
  | 'TOO_LARGE'
  | 'UNREADABLE';

/**
 * An upstream call that ended without a complete response.
 *
 * It holds no request, response or error of the HTTP library: those print tokens and bodies when logged.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';

  /**
   * @param mayHaveBeenSent false only if provably no byte of the request left this process
   * @param causeCode error code of the system or of undici for the log, such as ECONNREFUSED; HTTP_ and the
   *   status if a proxy answered
   */
  constructor(
    readonly failure: TransportFailure,
    readonly mayHaveBeenSent: boolean,
    readonly causeCode?: string,
  ) {
    super(`Upstream call failed: ${failure}`);
  }
}

/** Whether a request that failed before it was sent may be sent once more at once, over a new connection. */
export function mayReconnect(failure: TransportFailure | undefined): boolean {
  return failure === 'UNREACHABLE' || failure === 'PROXY_FAILED';
}

/** Classifies a failed connection attempt by the code of its error. */
export function connectFailureOf(code: string | undefined): 'UNREACHABLE' | 'CONNECT_TIMEOUT' | 'TLS' {
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'CONNECT_TIMEOUT';
  // A reset before the first request happens during the TLS handshake.
  if (code === 'EPROTO' || code === 'ECONNRESET') return 'TLS';
  // System codes are a single word that starts with E; certificate codes of OpenSSL and Node never are.
  return code === undefined || /^(E[A-Z0-9]+|EAI_[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code) ? 'UNREACHABLE' : 'TLS';
}
