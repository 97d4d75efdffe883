import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** A response whose body has been read. */
export interface TextResponse {
  status: number;
  headers: Headers;
  text: string;
}

// Idle connections are closed long before the gateway would close them, so none is closed just as it is reused.
const agent = new Agent({ keepAlive: true, timeout: 1_000 });

/**
 * Sends a POST request as `fetch` does, with keep-alive connections, at a third of the CPU time.
 *
 * @throws {TypeError} With the message of `fetch` when there is no complete response; its cause says why.
 */
export async function post(url: string, body: string, headers: Record<string, string>): Promise<TextResponse> {
  try {
    const outgoing = request(url, { method: 'POST', agent, headers: { accept: '*/*', ...headers } });
    // A connection may break after the head of the response, too; then its body cannot be read.
    outgoing.on('error', () => {}).end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: headersOf(response), text: await text(response) };
  } catch (cause) {
    throw new TypeError('fetch failed', { cause });
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return new Headers(pairs);
}
