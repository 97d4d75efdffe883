import type { Dispatcher } from 'undici';
import { codeOf } from '../lib/logger.js';
import type { Deadline, DeadlineTimer } from '../lib/time.js';
import type { TransportFailure } from './transport-error.js';
import { connectFailureOf, TransportError } from './transport-error.js';

/** One complete response, with any status. */
export interface UpstreamResponse {
  status: number;
  /** The body, decoded as UTF-8. */
  text: string;
  /** The value of a header by its lower-case name; the first value if it is repeated. */
  header(name: string): string | undefined;
}

/** Limits of one exchange. */
export interface ResponseLimits {
  deadline: Deadline;
  /** A longer response body fails the call with TOO_LARGE. */
  maxBodyBytes: number;
  /** Called right before the first byte is sent, when the connection is established. */
  onSending?: (() => void) | undefined;
}

/** Headers as undici passes them: lower-case names, repeated headers as an array. */
type RawHeaders = Record<string, string | string[] | undefined>;

// To connect, and again from the first byte sent to the response headers. Leaves time to reconcile a create.
const HEADERS_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 5_000;
const MIN_USEFUL_MS = 250;

/**
 * Collects one response from undici within its limits, and knows whether the request may have been sent.
 *
 * undici calls `onRequestStart` right before it writes the first byte. An exchange that fails before that call was
 * provably not sent.
 */
export class ResponseCollector implements Dispatcher.DispatchHandler {
  readonly response: Promise<UpstreamResponse>;
  readonly #timer: DeadlineTimer;
  readonly #chunks: Buffer[] = [];
  #resolve!: (response: UpstreamResponse) => void;
  #reject!: (error: TransportError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #started = false;
  #ended = false;
  #status = 0;
  #headers: RawHeaders = {};
  #receivedBytes = 0;

  constructor(private readonly limits: ResponseLimits) {
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Prevents an unhandled rejection when no code awaits the response.
    this.response.catch(() => undefined);
    this.#timer = limits.deadline.timer(() => this.#fail('TIMEOUT'));
    this.#timer.start(HEADERS_TIMEOUT_MS);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // A second start would be a retry by undici: nothing is sent twice.
    if (this.#started) this.#fail('CONNECTION_LOST');
    // A request sent this late can only end as unknown; "not sent" is the better outcome.
    if (!this.limits.deadline.allowsRequest(MIN_USEFUL_MS)) this.#fail('TIMEOUT');
    if (this.#ended) {
      // The promise is already settled, so nothing may be sent.
      controller.abort(new Error('given up'));
      return;
    }
    this.#started = true;
    this.#controller = controller;
    this.#timer.start(HEADERS_TIMEOUT_MS);
    this.limits.onSending?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    // Informational responses (1xx) precede the final one.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#timer.start(BODY_TIMEOUT_MS);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.limits.maxBodyBytes) this.#fail('TOO_LARGE');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#end();
    const headers = this.#headers;
    this.#resolve({
      status: this.#status,
      text: Buffer.concat(this.#chunks).toString('utf8'),
      header: name => [headers[name]].flat()[0],
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const causeCode = codeOf(error);
    this.#fail(this.#started ? 'CONNECTION_LOST' : connectFailureOf(causeCode), causeCode);
  }

  #fail(failure: TransportFailure, causeCode?: string): void {
    if (this.#ended) return;
    this.#end();
    this.#reject(new TransportError(failure, this.#started, causeCode));
    this.#controller?.abort(new Error(failure));
  }

  #end(): void {
    this.#ended = true;
    this.#timer.stop();
  }
}
