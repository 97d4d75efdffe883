import { CREATE_MUTATION } from '../../helpers/gateway.js';
import type { Random } from '../../helpers/random.js';
import { openConnection } from '../../helpers/raw-connection.js';
import { findAnswerProblem } from './graphql-answers.js';
import { SCHEMA } from './graphql-requests.js';
import type { Conversation } from './http-conversation.js';
import { readResponses } from './http-responses.js';
import { withProbability } from './odd-values.js';
import { reset, whenClosed, writeInPieces } from './raw-client.js';
import type { Tally } from './tally.js';
import { countUp } from './tally.js';

const STATUSES = [100, 101, 200, 204, 400, 401, 403, 404, 405, 406, 413, 415, 431];
/** Refusals of a large body because others are open, which depends on concurrent conversations. */
const OTHER_LARGE_BODIES = /^(?:429 .*another request of more than 64 KiB|503 .*"OVERLOADED")/;
const MAX_PRINTED = 700;
/** All documents that a conversation may contain. */
const DOCUMENTS = `${CREATE_MUTATION} query Name { __typename }`;

/** How a conversation ended. */
interface Ending {
  bytes: Buffer;
  /** Whether some of the server's bytes may be missing. */
  isCut: boolean;
}

/**
 * Holds a conversation with a server, and returns what is wrong with its responses.
 *
 * @param waitForServer resolves when the server has probably read what was sent
 */
export async function converse(
  url: string,
  conversation: Conversation,
  random: Random,
  waitForServer: () => Promise<unknown>,
  tally: Tally,
): Promise<string | undefined> {
  const { fate, statuses, hasHead } = conversation;
  const ending = await exchangeAll(url, conversation, random, waitForServer);
  const { responses, problem } = readResponses(ending.bytes, hasHead);
  countUp(tally, `${fate}${ending.isCut ? ', cut' : ''}`);
  for (const { status, headers, body } of responses) {
    countUp(tally, `status ${status}`);
    const isJson = headers.get('content-type')?.startsWith('application/json') === true;
    if (!STATUSES.includes(status) && !OTHER_LARGE_BODIES.test(`${status} ${body}`))
      return describe(conversation, `status ${status}: ${body}`);
    if (isJson && body !== '') {
      const wrong = findAnswerProblem(SCHEMA, JSON.parse(body), DOCUMENTS);
      if (wrong !== undefined) return describe(conversation, `the answer ${wrong}: ${body}`);
    } else if (status >= 200 && !isEventStream(headers) && !isOptions(status, headers) && !hasHead) {
      return describe(conversation, `status ${status} without JSON: ${body}`);
    }
  }
  if (ending.isCut) return undefined;
  if (problem !== undefined) return describe(conversation, problem);
  const received = responses.map(({ status }) => status);
  // The server may close the connection after an error.
  const isClosed = responses.at(-1)?.headers.get('connection') === 'close';
  const expected = isClosed ? statuses.slice(0, received.length) : statuses;
  if (fate === 'executed' && received.join() !== expected.join())
    return describe(conversation, `answers ${received} instead of ${statuses}`);
  // It may also close the connection before it has answered the messages that precede the refused one.
  if (fate === 'refused' && received.some((status, index) => status < 400 && status !== statuses[index]))
    return describe(conversation, `accepted with ${received}`);
  return undefined;
}

function isEventStream(headers: ReadonlyMap<string, string>): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') === true;
}

/** Whether this is the response to an OPTIONS request, which has no body. */
function isOptions(status: number, headers: ReadonlyMap<string, string>): boolean {
  return status === 204 && headers.has('allow');
}

async function exchangeAll(
  url: string,
  { bytes, fate, statuses, hasHead }: Conversation,
  random: Random,
  waitForServer: () => Promise<unknown>,
): Promise<Ending> {
  const socket = await openConnection(url);
  const chunks: Buffer[] = [];
  let isReset = false;
  const isComplete = () => readResponses(Buffer.concat(chunks), hasHead).responses.length >= statuses.length;
  const complete = new Promise<void>(resolve =>
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (fate === 'executed' && isComplete()) resolve();
    }),
  );
  socket.on('error', () => {
    isReset = true;
  });
  const closed = whenClosed(socket);
  await writeInPieces(socket, bytes, random);
  const isAborted = withProbability(random, 0.15);
  if (isAborted && withProbability(random, 0.5)) reset(socket);
  else if (isAborted) socket.destroy();
  else if (fate === 'executed') await Promise.race([complete, closed]);
  else if (fate === 'anything' && withProbability(random, 0.5)) await Promise.race([waitForServer(), closed]);
  // After a refused message, the server ends the connection.
  if (fate !== 'refused') socket.end();
  await closed;
  // Node drops outstanding responses to a client that has closed its end.
  return { bytes: Buffer.concat(chunks), isCut: isAborted || isReset || (fate === 'anything' && chunks.length === 0) };
}

function describe({ bytes, fate }: Conversation, problem: string): string {
  const sent = JSON.stringify(bytes.toString('latin1').slice(0, MAX_PRINTED));
  return `${problem.slice(0, MAX_PRINTED)}; sent, to be ${fate}: ${sent}`;
}
