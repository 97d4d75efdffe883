import type { Dispatcher } from 'undici';
import type { Deadline } from '../lib/time.js';
import type { TransportFailure } from './transport-error.js';
import { codeOf, connectFailureOf, TransportError } from './transport-error.js';

/** Headers as undici hands them over: lower-case names, repeated ones as a list. */
export type RawHeaders = Record<string, string | string[] | undefined>;

/** One complete answer. */
export interface CollectedResponse {
  status: number;
  headers: RawHeaders;
  /** The body, decoded as UTF-8. */
  text: string;
}

/** Bounds of one exchange; the operation's deadline cuts each of them short. */
export interface ResponseLimits {
  deadline: Deadline;
  /** For connecting, and again from the first byte sent to the answer's headers, in milliseconds. */
  headersMs: number;
  /** From headers to the last byte of the body, in milliseconds. */
  bodyMs: number;
  maxBodyBytes: number;
  /** Called right before the first byte is sent: the connection stands. */
  onSending?: (() => void) | undefined;
}

const LEAST_USEFUL_MS = 250;

/**
 * Collects one answer from undici within its limits, and knows whether the request may have left.
 *
 * undici calls `onRequestStart` right before it writes the first byte, so an exchange that fails
 * before that call is proven not to have been sent.
 */
export class ResponseCollector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<CollectedResponse>;
  readonly #limits: ResponseLimits;
  readonly #chunks: Buffer[] = [];
  #resolve!: (answer: CollectedResponse) => void;
  #reject!: (error: TransportError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout;
  #started = false;
  #ended = false;
  #status = 0;
  #headers: RawHeaders = {};
  #receivedBytes = 0;

  constructor(limits: ResponseLimits) {
    this.#limits = limits;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits the answer sees its failure; when nobody does, the process must not end over it.
    this.answer.catch(() => undefined);
    this.#timer = this.#startTimer(limits.headersMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Nothing is sent twice, whatever undici thinks of the first time.
    if (this.#started) this.#fail('CONNECTION_LOST');
    // What is sent in the last moment can only end unknown; "not sent" is the better answer.
    const { deadline } = this.#limits;
    if (deadline.remainingMs() < LEAST_USEFUL_MS || deadline.hasOverslept()) this.#fail('TIMEOUT');
    if (this.#ended) {
      // The caller has been told how it ended, so nothing may be sent any more.
      controller.abort(new Error('given up'));
      return;
    }
    this.#started = true;
    this.#controller = controller;
    clearTimeout(this.#timer);
    this.#timer = this.#startTimer(this.#limits.headersMs);
    this.#limits.onSending?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    // Interim answers (1xx) announce the real one.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    clearTimeout(this.#timer);
    this.#timer = this.#startTimer(this.#limits.bodyMs);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#limits.maxBodyBytes) this.#fail('TOO_LARGE');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#end();
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      text: Buffer.concat(this.#chunks).toString('utf8'),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const causeCode = codeOf(error);
    this.#fail(this.#started ? 'CONNECTION_LOST' : connectFailureOf(causeCode), causeCode);
  }

  #startTimer(limitMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fail('TIMEOUT'), Math.min(limitMs, this.#limits.deadline.remainingMs()));
  }

  #fail(failure: TransportFailure, causeCode?: string): void {
    if (this.#ended) return;
    this.#end();
    this.#reject(new TransportError(failure, this.#started, causeCode));
    this.#controller?.abort(new Error(failure));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}
