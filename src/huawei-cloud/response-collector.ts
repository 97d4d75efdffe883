import type { Dispatcher } from 'undici';
import { BodyTooLargeError } from '../lib/json-array-filter.js';
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

/** Changes a response body while it arrives. It serves one exchange. */
export interface BodyFilter {
  /** A body that is longer before it is filtered fails the call with TOO_LARGE. */
  readonly maxBytes: number;
  /**
   * Filters the next bytes, and returns their replacement, which may be empty for now.
   *
   * @throws {BodyTooLargeError} if it would have to hold back too much
   */
  write(chunk: Buffer): Buffer;
  /** Returns what is left when the body is complete. */
  end(): Buffer;
}

/** Limits of one exchange. */
export interface ResponseLimits {
  deadline: Deadline;
  /** A longer response body fails the call with TOO_LARGE. With a filter, this is what the filter returns. */
  maxBodyBytes: number;
  /** Changes the body, which may then take until the deadline while it keeps arriving. */
  filter?: BodyFilter | undefined;
  /** Called right before the first byte is sent, when the connection is established. */
  onSending?: (() => void) | undefined;
}

/** Headers as undici passes them: lower-case names, repeated headers as an array. */
type RawHeaders = Record<string, string | string[] | undefined>;

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
  #keptBytes = 0;

  constructor(
    private readonly limits: ResponseLimits,
    private readonly timeouts: { readonly headersMs: number; readonly bodyMs: number },
  ) {
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Prevents an unhandled rejection when no code awaits the response.
    this.response.catch(() => undefined);
    this.#timer = limits.deadline.timer(() => this.#fail('TIMEOUT'));
    this.#timer.start(this.timeouts.headersMs);
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
    this.#timer.start(this.timeouts.headersMs);
    this.limits.onSending?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    // Informational responses (1xx) precede the final one.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#timer.start(this.timeouts.bodyMs);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { filter } = this.limits;
    if (this.#ended) return;
    if (filter === undefined) {
      this.#keep(chunk);
      return;
    }
    this.#receivedBytes += chunk.length;
    this.#timer.start(this.timeouts.bodyMs);
    if (this.#receivedBytes > filter.maxBytes) this.#fail('TOO_LARGE');
    else this.#keepFiltered(() => filter.write(chunk));
  }

  onResponseEnd(): void {
    const { filter } = this.limits;
    if (filter !== undefined && !this.#ended) this.#keepFiltered(() => filter.end());
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
    // Only the connection to a proxy fails with an error of our own.
    const causeCode = error instanceof TransportError ? error.causeCode : codeOf(error);
    const connectFailure = error instanceof TransportError ? error.failure : connectFailureOf(causeCode);
    this.#fail(this.#started ? 'CONNECTION_LOST' : connectFailure, causeCode);
  }

  #keepFiltered(filter: () => Buffer): void {
    try {
      this.#keep(filter());
    } catch (error) {
      if (!(error instanceof BodyTooLargeError)) throw error;
      this.#fail('TOO_LARGE');
    }
  }

  #keep(bytes: Buffer): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > this.limits.maxBodyBytes) this.#fail('TOO_LARGE');
    else this.#chunks.push(bytes);
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
