import type { Socket } from 'node:net';
import type { Random } from '../../helpers/random.js';
import { openConnection } from '../../helpers/raw-connection.js';
import type { Answer } from './graphql-answers.js';
import { findAnswerProblem } from './graphql-answers.js';
import { SCHEMA } from './graphql-requests.js';
import { withProbability } from './odd-values.js';
import { reset, whenClosed, writeInPieces } from './raw-client.js';
import type { Tally } from './tally.js';
import { countUp } from './tally.js';
import { readServerMessages } from './websocket-answers.js';
import type { WebSocketConversation } from './websocket-conversation.js';
import { textFrame } from './websocket-conversation.js';

/** The codes in docs/read-and-watch.md, except those of a gateway that is stopping or full. */
const CLOSE_CODES = [1000, 1002, 1005, 1007, 1008, 1009, 4400, 4401, 4409, 4429];
const MAX_PRINTED = 700;
const HEAD_END = '\r\n\r\n';
const LAST_PING = { type: 'ping', payload: { last: true } };
const ACK = '"type":"connection_ack"';
const LAST_PONG = '"type":"pong","payload":{"last":true}';

/** The server of a conversation. */
export interface WebSocketServer {
  url: string;
  token: string;
  /** Resolves when the server has probably read what was sent. */
  waitForServer(): Promise<unknown>;
}

/** Holds a conversation over a new WebSocket, and returns what is wrong with the server's side of it. */
export async function converseOverWebSocket(
  { url, token, waitForServer }: WebSocketServer,
  conversation: WebSocketConversation,
  random: Random,
  tally: Tally,
): Promise<string | undefined> {
  const { pieces, isCorrect, answeredIds } = conversation;
  const socket = await openConnection(url);
  const received = new ReceivedBytes(socket);
  socket.write(
    'GET /graphql HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
      `authorization: Bearer ${token}\r\nsec-websocket-protocol: graphql-transport-ws\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await received.until(HEAD_END);
  const [init = Buffer.alloc(0), ...others] = pieces;
  socket.write(init);
  if (isCorrect) await received.until(ACK);
  await writeInPieces(socket, Buffer.concat(others), random);
  if (socket.writable) socket.write(textFrame(JSON.stringify(LAST_PING), random));
  for (const text of isCorrect ? [LAST_PONG, ...answeredIds.map(id => `"id":"${id}"`)] : []) await received.until(text);
  if (!isCorrect) await Promise.race([waitForServer(), received.closed]);
  const isServed = received.text().includes(LAST_PONG);
  if (withProbability(random, 0.3)) reset(socket);
  else socket.end();
  await received.closed;
  const problem = findProblem(received.bytes(), conversation, isServed, tally);
  const sent = Buffer.concat(pieces).toString('latin1').slice(0, MAX_PRINTED);
  return problem === undefined ? undefined : `${problem.slice(0, MAX_PRINTED)}; sent ${JSON.stringify(sent)}`;
}

/** The bytes that a server has sent over a connection. */
class ReceivedBytes {
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];
  #notify = () => {};
  #isClosed = false;

  constructor(socket: Socket) {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#notify();
    });
    this.closed = whenClosed(socket).then(() => {
      this.#isClosed = true;
      this.#notify();
    });
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  /** Resolves when this text has been received or the connection is closed. */
  async until(text: string): Promise<void> {
    while (!this.#isClosed && !this.text().includes(text))
      await new Promise<void>(resolve => {
        this.#notify = resolve;
      });
  }
}

function findProblem(
  bytes: Buffer,
  { isCorrect, closeCode: ownCode }: WebSocketConversation,
  isServed: boolean,
  tally: Tally,
): string | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')) || headEnd === -1) return `no upgrade: ${bytes}`;
  const messages = readServerMessages(bytes.subarray(headEnd + HEAD_END.length));
  countUp(tally, isCorrect ? 'correct' : 'odd');
  if (isServed) countUp(tally, 'served to the end');
  for (const { text, closeCode } of messages) {
    if (closeCode !== undefined) countUp(tally, `closed with ${closeCode}`);
    const problem = text === undefined ? undefined : findMessageProblem(text, tally);
    if (problem !== undefined) return `the message ${problem}: ${text}`;
  }
  const closeCode = messages.find(message => message.closeCode !== undefined)?.closeCode;
  if (closeCode !== undefined && closeCode !== ownCode && !CLOSE_CODES.includes(closeCode))
    return `closed with ${closeCode}`;
  return isCorrect && !isServed ? `closed with ${closeCode} although nothing was wrong` : undefined;
}

function findMessageProblem(text: string, tally: Tally): string | undefined {
  const { type, payload, ...others } = JSON.parse(text) as Record<string, unknown>;
  countUp(tally, String(type));
  switch (type) {
    case 'connection_ack':
    case 'pong':
      return undefined;
    case 'complete':
      return typeof others['id'] === 'string' ? undefined : 'has no id';
    case 'next':
    case 'error': {
      const answer = type === 'next' ? payload : { errors: payload };
      const problem = findAnswerProblem(SCHEMA, answer);
      for (const { extensions } of (answer as Answer).errors ?? []) countUp(tally, extensions.code);
      return problem;
    }
    default:
      return `is of the type ${type}`;
  }
}
