import { print } from 'graphql';
import { readEvents } from './event-stream.js';
import type { GraphqlError } from './failure.js';
import { GatewayError, readFailure } from './failure.js';
import type { ConnectionResourceInput, DatasourceConnectionFieldsFragment } from './generated/documents.js';
import { FollowDatasourceConnectionDocument } from './generated/documents.js';
import type { Mutations } from './mutations.js';
import { createMutations } from './mutations.js';
import type { Retry } from './repeat.js';
import { retryDelayMs, wait } from './repeat.js';
import type { TypedDocumentNode } from './typed-document-node.js';

/** Milliseconds without a byte after which a stream counts as dead. The gateway sends one at least every 12 s. */
const MAX_SILENCE_MS = 45_000;

/** Where the gateway is, and how requests reach it. */
export interface ClientOptions {
  /** The GraphQL endpoint, such as `https://dli-gateway.example.com/graphql`. */
  url: string;
  /**
   * Returns the access token for each request. When the gateway refuses one, it is called once more with the refused
   * token, to return another.
   */
  token?: ((refused?: string) => string | undefined | Promise<string | undefined>) | undefined;
  /** Headers of every request, or a function that returns them. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>) | undefined;
  /** Replaces the global `fetch`, for example to send cookies or to log. */
  fetch?: typeof fetch | undefined;
}

/** How a subscription ends and what it reports. */
export interface SubscribeOptions {
  /** Ends the subscription; the iteration throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called when the stream broke, before it is opened again. */
  onRetry?: ((retry: Retry<never>) => void) | undefined;
}

/** How long a connection is followed. */
export interface FollowOptions extends SubscribeOptions {
  /** Enhanced connections only: follow it until each of these is bound or has failed. */
  untilBound?: readonly ConnectionResourceInput[] | undefined;
}

/** A client of one gateway. */
export interface Client extends Mutations {
  /**
   * The current state of a connection, then every change, until it is settled: a classic connection when it is ACTIVE,
   * FAILED or DELETED; an enhanced one when no binding is CREATING and all of `untilBound` are bound or have failed, or
   * when it is DELETED. Ends without a value if the connection does not exist. Reconnects when the stream breaks.
   */
  follow(id: string, options?: FollowOptions): AsyncGenerator<DatasourceConnectionFieldsFragment, void, undefined>;
  /** Sends a query or mutation once. Throws a {@link GatewayError} if the response holds an error. */
  request<TResult, TVariables>(
    document: TypedDocumentNode<TResult, TVariables>,
    variables: TVariables,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<TResult>;
  /** The events of a subscription, until the gateway completes it. Reconnects when the stream breaks. */
  subscribe<TResult, TVariables>(
    document: TypedDocumentNode<TResult, TVariables>,
    variables: TVariables,
    options?: SubscribeOptions,
  ): AsyncGenerator<TResult, void, undefined>;
}

interface Result<T> {
  data?: T | null;
  errors?: readonly GraphqlError[];
}

/** Creates a client. It holds no connection and no state, so it need not be closed. */
export function createClient({ url, token, headers, fetch: send = globalThis.fetch }: ClientOptions): Client {
  async function post(
    document: TypedDocumentNode,
    variables: unknown,
    accept: string,
    signal: AbortSignal | undefined,
  ) {
    const body = JSON.stringify({ query: print(document), variables });
    const sendWith = async (accessToken: string | undefined) => {
      const all = new Headers(typeof headers === 'function' ? await headers() : headers);
      all.set('accept', accept);
      all.set('content-type', 'application/json');
      if (accessToken !== undefined) all.set('authorization', `Bearer ${accessToken}`);
      return send(url, { method: 'POST', headers: all, body, ...(signal && { signal }) });
    };
    const first = await token?.();
    const response = await sendWith(first);
    if (response.status !== 401 || token === undefined) return response;
    await response.body?.cancel();
    return sendWith(await token(first));
  }

  const request: Client['request'] = async (document, variables, { signal } = {}) => {
    const accept = 'application/graphql-response+json, application/json';
    const response = await post(document as TypedDocumentNode, variables, accept, signal);
    return readResult(response);
  };

  /** The events of one stream; throws if it breaks before the gateway completes it. */
  async function* stream<T>(document: TypedDocumentNode, variables: unknown, signal: AbortSignal | undefined) {
    const silence = new AbortController();
    const onSilence = () => silence.abort(new DOMException('The stream fell silent.', 'TimeoutError'));
    let timer = setTimeout(onSilence, MAX_SILENCE_MS);
    try {
      const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
      const response = await post(document, variables, 'text/event-stream', either);
      if (!response.ok || response.body === null) await readResult(response);
      const onBytes = () => {
        clearTimeout(timer);
        timer = setTimeout(onSilence, MAX_SILENCE_MS);
      };
      for await (const { event, data } of readEvents(response.body as ReadableStream<Uint8Array>, onBytes)) {
        if (event === 'next') yield JSON.parse(data) as Result<T>;
        if (event === 'complete') return;
      }
      throw new TypeError('The stream broke off.');
    } finally {
      clearTimeout(timer);
    }
  }

  async function* subscribe<TResult, TVariables>(
    document: TypedDocumentNode<TResult, TVariables>,
    variables: TVariables,
    { signal, onRetry }: SubscribeOptions = {},
  ): AsyncGenerator<TResult, void, undefined> {
    for (let attempt = 1; ; attempt += 1) {
      let error: unknown;
      try {
        for await (const { data, errors } of stream<TResult>(document as TypedDocumentNode, variables, signal)) {
          // A temporary error is followed by the next event, or by the end of the stream.
          error = errors && new GatewayError(200, errors);
          if (error !== undefined && !readFailure(error).isTemporary) throw error;
          if (error !== undefined || data === undefined || data === null) continue;
          attempt = 1;
          yield data;
        }
        if (error === undefined) return;
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!readFailure(thrown).isTemporary) throw thrown;
        error = thrown;
      }
      const delayMs = retryDelayMs(attempt, readFailure(error).retryAfterSeconds);
      onRetry?.({ attempt, delayMs, error });
      await wait(delayMs, signal);
    }
  }

  return {
    request,
    subscribe,
    ...createMutations(request),
    async *follow(id, { untilBound, ...options } = {}) {
      const variables = { id, ...(untilBound && { untilBound: [...untilBound] }) };
      for await (const { datasourceConnection } of subscribe(FollowDatasourceConnectionDocument, variables, options)) {
        if (!datasourceConnection) return;
        yield datasourceConnection;
      }
    },
  };
}

async function readResult<T>(response: Response): Promise<T> {
  const text = await response.text();
  const { data, errors = [] } = parseResult<T>(text);
  if (errors.length > 0 || !data) throw new GatewayError(response.status, errors, response.headers);
  return data;
}

/** Parses a response. A proxy may have answered with an HTML page. */
function parseResult<T>(text: string): Result<T> {
  try {
    const result: unknown = JSON.parse(text);
    return typeof result === 'object' && result !== null ? result : {};
  } catch {
    return {};
  }
}
