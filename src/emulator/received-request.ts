import type { IncomingMessage } from 'node:http';

/** A request after its body was read, in the terms of the signing rules. */
export interface ReceivedRequest {
  readonly method: string;
  /** The path as sent, undecoded and without the query. */
  readonly path: string;
  /** The query as sent, undecoded and without the question mark. */
  readonly query: string;
  /** Lower-case names; repeated headers joined by a comma; values as UTF-8. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** What of a request is known before its body is read. */
export type RequestHead = Omit<ReceivedRequest, 'body'>;

/** The head of a request that the HTTP server has parsed. */
export function readHead(message: IncomingMessage): RequestHead {
  const target = message.url ?? '/';
  const queryStart = target.indexOf('?');
  return {
    method: message.method ?? 'GET',
    path: queryStart === -1 ? target : target.slice(0, queryStart),
    query: queryStart === -1 ? '' : target.slice(queryStart + 1),
    headers: readHeaders(message.rawHeaders),
  };
}

function readHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    // Node hands header bytes over as Latin-1, but signatures are computed over UTF-8 text.
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString('utf8');
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

/** What came of reading a body: all of it, too much of it, or a caller who went away in the middle. */
export type ReadBody =
  | { readonly outcome: 'complete'; readonly body: Buffer }
  | { readonly outcome: 'tooLarge'; readonly receivedBytes: number }
  | { readonly outcome: 'cutOff'; readonly receivedBytes: number };

/** Reads a body of up to `maxBytes` bytes; of a longer one the rest is let through unread, so that the caller can hear so. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  return new Promise(resolve => {
    message.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes <= maxBytes) chunks.push(chunk);
      else resolve({ outcome: 'tooLarge', receivedBytes });
    });
    message.on('end', () => resolve({ outcome: 'complete', body: Buffer.concat(chunks, receivedBytes) }));
    message.on('error', () => resolve({ outcome: 'cutOff', receivedBytes }));
    message.on('close', () => resolve({ outcome: 'cutOff', receivedBytes }));
  });
}
