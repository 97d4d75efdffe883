import { CREATE_MUTATION, VALID_INPUT } from '../../helpers/gateway.js';
import type { Random } from '../../helpers/random.js';
import { integer, shuffled, withProbability } from './odd-values.js';

/** Prefix of the names of connections that no valid request asks for. */
export const CANARY = 'canary_';
/** Prefix of the names of connections that a valid request asks for. */
export const SENT = 'sent_';

/** The parts of a message, from which {@link write} makes its text. */
export interface Message {
  method: string;
  target: string;
  version: string;
  /** The header lines, except those that define the length of the body. */
  headers: string[];
  framing: string[];
  /** The body as it is sent, including the sizes of any chunks. */
  body: string;
}

/** A valid request: a create with this name, or a query. With a canary's name it is always a create. */
export function plainMessage(random: Random, token: string, name: string): Message {
  const input = { ...VALID_INPUT, name };
  const isCreate = name.startsWith(CANARY) || withProbability(random, 0.3);
  const body = JSON.stringify(
    isCreate ? { query: CREATE_MUTATION, variables: { input } } : { query: '{ __typename }' },
  );
  const headers = ['host: gw.test', 'content-type: application/json', `authorization: Bearer ${token}`];
  if (withProbability(random, 0.2)) headers.push(headersOf(integer(random, 1, 40)));
  return {
    method: 'POST',
    target: '/graphql',
    version: 'HTTP/1.1',
    headers: shuffled(random, headers).map(line =>
      withProbability(random, 0.2) ? line.replace(/^[^:]+/, upper) : line,
    ),
    framing: [`content-length: ${body.length}`],
    body,
  };
}

/** The text of a message. */
export function write({ method, target, version, headers, framing, body }: Message): string {
  return `${[`${method} ${target} ${version}`, ...headers, ...framing].join('\r\n')}\r\n\r\n${body}`;
}

/** The body in chunks of random sizes, some with extensions, with or without trailers. */
export function chunksOf(body: string, random?: Random): Pick<Message, 'framing' | 'body'> {
  const framing = ['transfer-encoding: chunked'];
  if (random === undefined) return { framing, body: `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` };
  let chunks = '';
  for (let at = 0; at < body.length; ) {
    const part = body.slice(at, at + integer(random, 1, 200));
    const size = part.length.toString(16).padStart(withProbability(random, 0.1) ? 4 : 1, '0');
    chunks += `${withProbability(random, 0.2) ? size.toUpperCase() : size}${withProbability(random, 0.1) ? ';a="b"' : ''}\r\n${part}\r\n`;
    at += part.length;
  }
  return { framing, body: `${chunks}0\r\n${withProbability(random, 0.2) ? 'x-trailer: a\r\n' : ''}\r\n` };
}

/** The message with its body in one chunk, which is then changed. */
export function withChunks(message: Message, change: (body: string) => string): Message {
  const { framing, body } = chunksOf(message.body);
  return { ...message, framing, body: change(body) };
}

/** The message with this `Content-Length`. */
export function withLength(message: Message, length: string): Message {
  return { ...message, framing: [`content-length: ${length}`] };
}

/** The message with its body in one chunk and this `Transfer-Encoding`. */
export function withCoding(message: Message, coding: string): Message {
  return { ...message, framing: [`transfer-encoding: ${coding}`], body: chunksOf(message.body).body };
}

/** The message with this `Host`. */
export function withHost(message: Message, host: string): Message {
  return { ...message, headers: message.headers.map(line => (/^host:/i.test(line) ? `host: ${host}` : line)) };
}

/** The message with one more line among its headers. */
export function inHead(message: Message, random: Random, line: string): Message {
  return { ...message, headers: message.headers.toSpliced(integer(random, 1, message.headers.length), 0, line) };
}

/** Lines of this many headers. */
export function headersOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `x-${index}: a`).join('\r\n');
}

function upper(text: string): string {
  return text.toUpperCase();
}
