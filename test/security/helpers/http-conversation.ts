import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { Message } from './http-message.js';
import {
  CANARY,
  chunksOf,
  headersOf,
  inHead,
  plainMessage,
  SENT,
  withChunks,
  withCoding,
  withHost,
  withLength,
  write,
} from './http-message.js';
import { integer, withProbability } from './odd-values.js';

/** What the server must do with a message: execute it, refuse it and everything after it, or either of these. */
type Fate = 'executed' | 'refused' | 'anything';

/** The bytes that a client sends over one connection. */
export interface Conversation {
  bytes: Buffer;
  fate: Fate;
  /** The statuses of the answers to the messages that must be executed, which come first. */
  statuses: number[];
  /** Whether one of the messages may be a HEAD. */
  hasHead: boolean;
}

const MAX_MESSAGES = 4;
const TARGETS = [
  '/graphql',
  '/graphql/stream',
  '/',
  '/graphql?a=b',
  '/nothing',
  '/%',
  '//graphql',
  '/graphql/../livez',
  '/\u00e9',
  `/${'x'.repeat(9_000)}`,
];
const METHODS = [
  'GET',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'QUERY',
  'PRI',
  'post',
  'NONSENSE',
  '',
];
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/11',
  'HTTP/1',
  'FTP/1.0',
  '',
  'HTTP/1.1 x',
];
const ODD_HEADERS = [
  'expect: miracles',
  'expect: 100-continue',
  'upgrade: h2c',
  'connection: upgrade\r\nupgrade: websocket',
  'connection: upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nHTTP2-Settings: AA',
  'connection: close',
  'connection: keep-alive, content-length',
  'connection: \u00ff',
  'proxy-connection: keep-alive',
  'content-encoding: gzip',
  'content-type: text/plain',
  'content-type: multipart/form-data',
  'accept: text/event-stream',
  'authorization: Bearer nonsense',
  'authorization: Basic YTpi',
  'cookie: a=b; a=c',
  'x-forwarded-for: 1.2.3.4\r\nforwarded: for=1.2.3.4',
  'x-http-method-override: DELETE',
  'range: bytes=0-1',
  'te: trailers, deflate;q=0.5',
  'trailer: content-length',
  'if-none-match: *',
  'origin: https://evil.example',
  'access-control-request-method: POST',
  'traceparent: 00-00000000000000000000000000000000-0000000000000000-00',
  '__proto__: a',
  'constructor: a',
  ': a',
  '\u00e9: a',
  'x\u0001: a',
  'x-a: \u007f',
];

/** Makes a message ambiguous or invalid. `chunked` has its body in chunks and ends with `\r\n\r\n`. */
const AMBIGUITIES: readonly ((message: Message, random: Random) => Message)[] = [
  message => ({ ...message, framing: [...message.framing, ...chunksOf(message.body).framing] }),
  message => ({
    ...message,
    framing: [...chunksOf(message.body).framing, ...message.framing],
    body: chunksOf(message.body).body,
  }),
  (message, random) => ({ ...message, framing: [...message.framing, `content-length: ${integer(random, 0, 99)}`] }),
  message => ({ ...message, framing: [...message.framing, ...message.framing] }),
  (message, random) =>
    withLength(
      message,
      pick(random, [`+${message.body.length}`, '-1', '9'.repeat(30), `0x${message.body.length.toString(16)}`]),
    ),
  message => withLength(message, `${message.body.length}, ${message.body.length}`),
  message => withLength(message, `${message.body.length} ${message.body.length}`),
  (message, random) =>
    withCoding(
      message,
      pick(random, [
        'chunked, chunked',
        'xchunked',
        '"chunked"',
        'chunked, identity',
        'identity',
        'gzip, chunked',
        '\x0bchunked',
        'chunked;q=1',
      ]),
    ),
  message => withCoding(message, 'identity\r\ntransfer-encoding: chunked'),
  message => withCoding(message, '\r\n chunked'),
  message => ({ ...message, framing: message.framing.map(line => line.replace(':', ' :')) }),
  message => ({ ...message, framing: message.framing.map(line => ` ${line}`) }),
  (message, random) => inHead(message, random, 'x-a: b\nx-b: c'),
  (message, random) => inHead(message, random, 'x-a: b\rx-b: c'),
  (message, random) => inHead(message, random, 'x-a: b\0c'),
  (message, random) => inHead(message, random, 'x-a: b\r\n c'),
  (message, random) => inHead(message, random, 'x-a'),
  (message, random) => inHead(message, random, pick(random, ['host: evil.test', 'Host: gw.test', 'HOST:'])),
  message => ({ ...message, headers: message.headers.filter(line => !/^host:/i.test(line)) }),
  (message, random) =>
    withHost(
      message,
      pick(random, ['', 'a b', 'gw.test/x', 'a@gw.test', '1.2.3.4.5', 'gw.test:99999', '[::1', '\u00e9']),
    ),
  (message, random) => ({
    ...message,
    target: pick(random, ['http://evil.test/graphql', '*', 'evil.test:80', 'graphql']),
  }),
  (message, random) =>
    withChunks(message, body =>
      pick(random, [
        `zz\r\n${body}`,
        `0x${body}`,
        `${'f'.repeat(17)}\r\n${body}`,
        `-${body}`,
        ` ${body}`,
        body.replace('\r\n', '\n'),
        body.replace(/\r\n0\r\n\r\n$/, '0\r\n\r\n'),
      ]),
    ),
  message => withChunks(message, body => body.replace(/\r\n\r\n$/, '\r\ncontent-length: 5\r\n\r\n')),
  message => withChunks(message, body => body.replace('\r\n', `;a=${'x'.repeat(20_000)}\r\n`)),
];

/** Changes a message in a way that may leave it valid. */
const CHANGES: readonly ((message: Message, random: Random) => Message)[] = [
  (message, random) => ({ ...message, method: pick(random, METHODS) }),
  (message, random) => ({ ...message, target: pick(random, TARGETS) }),
  (message, random) => ({ ...message, version: pick(random, VERSIONS) }),
  (message, random) => inHead(message, random, pick(random, ODD_HEADERS)),
  (message, random) => inHead(message, random, pick(random, ODD_HEADERS)),
  (message, random) => inHead(message, random, headersOf(integer(random, 40, 400))),
  (message, random) => inHead(message, random, `x-a: ${'a'.repeat(integer(random, 1, 40_000))}`),
  (message, random) => inHead(message, random, `${'a'.repeat(integer(random, 1, 20_000))}: b`),
  (message, random) => withLength(message, String(integer(random, 0, 2 * message.body.length))),
  (message, random) => ({
    ...message,
    framing: [`content-length: ${integer(random, 65_000, 80_000)}`],
    body: 'x'.repeat(70_000),
  }),
  message => ({ ...message, framing: [] }),
  (message, random) => withChunks(message, body => body.slice(0, integer(random, 0, body.length))),
  (message, random) =>
    withChunks(message, body => body.replace('\r\n', `;a=${'x'.repeat(integer(random, 1, 17_000))}\r\n`)),
  (message, random) =>
    withChunks(message, body => body.replace(/\r\n\r\n$/, `\r\n${headersOf(integer(random, 1, 300))}\r\n\r\n`)),
];

const NONSENSE: readonly ((random: Random) => string)[] = [
  random => randomBytes(random, integer(random, 1, 400)),
  random => `${randomBytes(random, integer(random, 1, 40))}\r\n\r\n`,
  () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  () => 'GET /graphql\r\n',
  random => '\r\n'.repeat(integer(random, 1, 2_000)),
  random => 'x'.repeat(integer(random, 1, 40_000)),
  () => 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
];

/** Generates what a client sends over one connection. The names of creates contain the number. */
export function generateConversation(random: Random, token: string, number: number): Conversation {
  const fate = pick(random, ['executed', 'refused', 'refused', 'anything', 'anything'] as const);
  const count = integer(random, 1, MAX_MESSAGES);
  const valid = Array.from({ length: count }, (_, index) =>
    validMessage(random, token, `${SENT}${number}_${index}`, `${CANARY}${number}_${index}`),
  );
  const start = withProbability(random, 0.1) ? '\r\n' : '';
  const before = start + valid.map(write).join('');
  // A body that hides a request is not valid JSON.
  const statuses = valid.map(({ body }) => (body.startsWith('POST') ? 400 : 200));
  if (fate === 'executed') {
    return { bytes: toBytes(before), fate, statuses, hasHead: false };
  }
  const message = plainMessage(random, token, fate === 'refused' ? `${CANARY}${number}_x` : `${SENT}${number}_x`);
  const leading = withProbability(random, 0.7) ? start : before;
  if (fate === 'refused') {
    // A vulnerable server would execute the message that follows.
    const text = write(pick(random, AMBIGUITIES)(message, random));
    const smuggled = write(plainMessage(random, token, `${CANARY}${number}_y`));
    const answers = leading === before ? statuses : [];
    return { bytes: toBytes(leading + text + smuggled), fate, statuses: answers, hasHead: false };
  }
  const text = withProbability(random, 0.15) ? pick(random, NONSENSE)(random) : mutate(random, message);
  return { bytes: toBytes(leading + text), fate, statuses: [], hasHead: text.startsWith('HEAD') };
}

function mutate(random: Random, message: Message): string {
  const changed = pick(random, CHANGES)(message, random);
  const text = write(withProbability(random, 0.3) ? pick(random, CHANGES)(changed, random) : changed);
  if (withProbability(random, 0.6)) return text;
  const at = integer(random, 0, text.length);
  if (withProbability(random, 0.4)) return text.slice(0, at);
  return text.slice(0, at) + randomBytes(random, integer(random, 1, 4)) + text.slice(at + integer(random, 0, 4));
}

/** A message that a server must execute, or refuse without closing the connection. */
function validMessage(random: Random, token: string, name: string, canary: string): Message {
  const message = plainMessage(random, token, name);
  if (withProbability(random, 0.3)) {
    // Not valid JSON, so it is refused as a body, but it would be valid as a request.
    const body = write(plainMessage(random, token, canary));
    return { ...message, body, framing: [`content-length: ${body.length}`] };
  }
  if (withProbability(random, 0.5)) return message;
  const { framing, body } = chunksOf(message.body, random);
  return { ...message, framing, body };
}

function randomBytes(random: Random, count: number): string {
  return String.fromCharCode(...Array.from({ length: count }, () => integer(random, 0, 255)));
}

function toBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
