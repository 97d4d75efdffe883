import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { Pool } from './graphql-requests.js';
import { generateRequest } from './graphql-requests.js';
import { integer, mutateText, oddValue, withProbability, writeJson } from './odd-values.js';

/** The bytes that a client sends over a WebSocket after the handshake. */
export interface WebSocketConversation {
  pieces: Buffer[];
  /** Whether everything is sent as the protocols prescribe. */
  isCorrect: boolean;
  /** The code with which the client closes the socket, and which the server repeats. */
  closeCode: number | undefined;
  /** The ids of the subscriptions whose answers a correct client may wait for. */
  answeredIds: string[];
}

const OPCODES = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FIN = 0x80;
const MASKED = 0x80;
const MAX_MESSAGES = 12;
const CLIENT_CLOSE_CODES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4400, 4999, 5000, 65_535];
const MESSAGES_OF_SERVERS = [
  { type: 'connection_ack' },
  { type: 'next', payload: { data: {} } },
  { type: 'error', payload: [{ message: 'a' }] },
  ...['start', 'toString', '', null, 1].map(type => ({ type })),
];
const MAX_PAYLOAD_BYTES = 60_000;

/** How a frame deviates from a correct one. */
interface Deviation {
  /** A first byte instead of the correct one. */
  first?: number;
  isUnmasked?: boolean;
  /** A declared length instead of the correct one. */
  length?: number;
  /** Whether the length is encoded in a longer form than necessary. */
  isLong?: boolean;
}

/** Generates what a client sends over a WebSocket. */
export function generateWebSocketConversation(random: Random, pool: Pool, number: number): WebSocketConversation {
  const isCorrect = withProbability(random, 0.4);
  const init = framesOf(random, initMessage(isCorrect || withProbability(random, 0.8), random));
  const pieces: Buffer[] = isCorrect || withProbability(random, 0.9) ? [Buffer.concat(init)] : [];
  const answeredIds = new Set<string>();
  const count = integer(random, 1, MAX_MESSAGES);
  for (let index = 0; index < count; index += 1) {
    if (isCorrect) {
      const { text, id, isAnswered } = validMessage(random, pool, number, index);
      pieces.push(...framesOf(random, text));
      if (isAnswered) answeredIds.add(id);
      else answeredIds.delete(id);
    } else if (withProbability(random, 0.7)) pieces.push(...framesOf(random, oddMessage(random, pool, number, index)));
    else pieces.push(oddFrame(random));
    if (withProbability(random, 0.1)) pieces.push(frame(FIN | OPCODES.ping, Buffer.from('ping'), random));
  }
  const closeCode = !isCorrect && withProbability(random, 0.2) ? pick(random, CLIENT_CLOSE_CODES) : undefined;
  if (closeCode !== undefined) pieces.push(frame(FIN | OPCODES.close, closePayload(closeCode, random), random));
  return { pieces, isCorrect, closeCode, answeredIds: [...answeredIds] };
}

function initMessage(isCorrect: boolean, random: Random): string {
  const payload = isCorrect
    ? pick(random, [{}, { payload: {} }, { payload: { a: 'b' } }])
    : { payload: oddValue(random) };
  return writeJson({ type: 'connection_init', ...payload });
}

interface ValidMessage {
  text: string;
  /** The subscription that it starts or ends, if any. */
  id: string;
  /** Whether the server must answer for the subscription. */
  isAnswered: boolean;
}

function validMessage(random: Random, pool: Pool, number: number, index: number): ValidMessage {
  const kind = random();
  if (kind < 0.1) return control({ type: 'ping', ...(withProbability(random, 0.5) && { payload: { a: 1 } }) });
  if (kind < 0.15) return control({ type: 'pong' });
  if (kind < 0.3) return control({ type: 'complete', id: `id${integer(random, 0, index)}` });
  const body = withProbability(random, 0.3)
    ? writeJson({ query: pick(random, WATCHES)(pool, random) })
    : generateRequest(random, pool, 0, number).body;
  if (!isPayload(body)) return control({ type: 'pong' });
  return { text: `{"type":"subscribe","id":"id${index}","payload":${body}}`, id: `id${index}`, isAnswered: true };
}

function control(message: { type: string; id?: string }): ValidMessage {
  return { text: writeJson(message), id: message.id ?? '', isAnswered: false };
}

/** Whether a body can be the payload of a subscription: the protocol requires an object with a document. */
function isPayload(body: string): boolean {
  if (!body.startsWith('{') || Buffer.byteLength(body) > MAX_PAYLOAD_BYTES) return false;
  try {
    const { query, variables, operationName, extensions } = JSON.parse(body) as Record<string, unknown>;
    const isObject = (value: unknown) => value == null || (typeof value === 'object' && !Array.isArray(value));
    const isName = operationName == null || typeof operationName === 'string';
    return typeof query === 'string' && isObject(variables) && isObject(extensions) && isName;
  } catch {
    return false;
  }
}

function oddMessage(random: Random, pool: Pool, number: number, index: number): string {
  const { text } = validMessage(random, pool, number, index);
  switch (integer(random, 0, 8)) {
    case 0:
      return text;
    case 1:
      return mutateText(random, text);
    case 2:
      return writeJson({ type: 'connection_init' });
    case 3:
      return writeJson({ id: 'a', ...pick(random, MESSAGES_OF_SERVERS) });
    case 4:
      return writeJson({
        type: 'subscribe',
        id: pick(random, ['', 'x'.repeat(200), 1, null, '__proto__', 'toString']),
        payload: oddValue(random),
      });
    case 5:
      return writeJson({
        type: 'subscribe',
        id: 'id0',
        payload: { query: oddValue(random), variables: oddValue(random) },
      });
    case 6:
      // The same id every time, so that it is often in use.
      return `{"type":"subscribe","id":"same","payload":{"query":${writeJson(pick(random, WATCHES)(pool, random))}}}`;
    case 7:
      return writeJson({
        type: pick(random, ['ping', 'pong', 'complete']),
        id: oddValue(random),
        payload: oddValue(random),
      });
    default:
      return writeJson(oddValue(random));
  }
}

const WATCHES: readonly ((pool: Pool, random: Random) => string)[] = [
  ({ ids }, random) => `subscription { datasourceConnection(id: "${pick(random, ids)}") { id state } }`,
  () => 'subscription { datasourceConnection(id: "none") { id } }',
  () => '{ __typename }',
];

/** A text as one message, in one frame or several. */
function framesOf(random: Random, text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const opcode = withProbability(random, 0.1) ? OPCODES.binary : OPCODES.text;
  const count = withProbability(random, 0.8) ? 1 : integer(random, 2, 6);
  const ends = Array.from({ length: count - 1 }, () => integer(random, 0, bytes.length)).sort((a, b) => a - b);
  return [...ends, bytes.length].flatMap((end, index) => {
    const first = (index === count - 1 ? FIN : 0) | (index === 0 ? opcode : OPCODES.continuation);
    const part = frame(first, bytes.subarray(ends[index - 1] ?? 0, end), random);
    // Control frames may come between the fragments of a message.
    return withProbability(random, 0.1) ? [part, frame(FIN | OPCODES.pong, Buffer.alloc(0), random)] : [part];
  });
}

/** A text as one message in one frame. */
export function textFrame(text: string, random: Random): Buffer {
  return frame(FIN | OPCODES.text, Buffer.from(text), random);
}

function oddFrame(random: Random): Buffer {
  const payload = Buffer.from(pick(random, ['{', '{"type":"pong"}', 'x'.repeat(integer(random, 0, 300)), '\ud800']));
  switch (integer(random, 0, 8)) {
    case 0:
      return frame(FIN | integer(random, 0x3, 0x7), payload, random);
    case 1:
      return frame(FIN | (integer(random, 1, 7) << 4) | OPCODES.text, payload, random);
    case 2:
      return frame(FIN | OPCODES.text, payload, random, { isUnmasked: true });
    case 3:
      return frame(FIN | OPCODES.text, payload, random, { length: pick(random, [0, 1, 200, 65_536, 2 ** 40]) });
    case 4:
      return frame(FIN | OPCODES.continuation, payload, random);
    case 5:
      return frame(pick(random, [OPCODES.ping, OPCODES.close, OPCODES.pong]), payload, random);
    case 6:
      return frame(FIN | OPCODES.ping, Buffer.alloc(integer(random, 126, 300)), random, { isLong: true });
    case 7:
      return frame(FIN | OPCODES.text, Buffer.from([0xff, 0xfe, 0xc0, 0x80]), random);
    default:
      return Buffer.from(Array.from({ length: integer(random, 1, 60) }, () => integer(random, 0, 255)));
  }
}

function closePayload(code: number, random: Random): Buffer {
  const reason = pick(random, [Buffer.alloc(0), Buffer.from('bye'), Buffer.from([0xff]), Buffer.alloc(123, 'x')]);
  return withProbability(random, 0.1)
    ? Buffer.from([1])
    : Buffer.concat([Buffer.from([code >> 8, code & 255]), reason]);
}

/** One frame of a client (RFC 6455, section 5.2). */
function frame(right: number, payload: Buffer, random: Random, deviation: Deviation = {}): Buffer {
  const { first = right, isUnmasked = false, length = payload.length, isLong = false } = deviation;
  const mask = isUnmasked ? undefined : Buffer.from([1, 2, 3, 4].map(() => integer(random, 0, 255)));
  const flag = mask === undefined ? 0 : MASKED;
  const header = [first];
  if (length < 126 && !isLong) header.push(flag | length);
  else if (length < 65_536) header.push(flag | 126, length >> 8, length & 255);
  else
    header.push(flag | 127, ...Array.from({ length: 8 }, (_, index) => Math.floor(length / 256 ** (7 - index)) & 255));
  const masked = mask === undefined ? payload : payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from(header), mask ?? Buffer.alloc(0), masked]);
}
