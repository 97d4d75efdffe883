import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessKeyCheck } from './access-key-check.js';
import type { Answer } from './answer.js';
import { textAnswer } from './answer.js';
import type { Authentication } from './authentication.js';
import { authenticate } from './authentication.js';
import { breakOff } from './break-off.js';
import type { Call, Outcome } from './call.js';
import { readName } from './create-body.js';
import { deliver } from './delivery.js';
import type { Dispatcher } from './dispatcher.js';
import type { Fault } from './fault.js';
import type { FaultQueue } from './fault-queue.js';
import type { WritableLedger } from './ledger.js';
import { describeRequest } from './ledger-entry.js';
import type { EmulatorOptions } from './options.js';
import type { ReceivedRequest } from './received-request.js';
import { readBody, readHead } from './received-request.js';
import { findRoute } from './routes.js';
import { isOnlyDelayOrHeaders, scriptedAnswer } from './scripted-answer.js';
import { MAX_BODY_BYTES, refuseBySize } from './size-limits.js';
import type { TokenStore } from './token-store.js';

const SILENT_BEHAVIOURS = ['hang', 'reset', 'resetBeforeBody', 'close'];

/** What a request handler works with. */
export interface RequestHandlerParts {
  readonly options: EmulatorOptions;
  readonly accessKeys: AccessKeyCheck;
  readonly tokens: TokenStore;
  readonly dispatcher: Dispatcher;
  readonly faults: FaultQueue;
  readonly ledger: WritableLedger;
}

/** Takes one DLI or IAM request from its head to its answer, with whatever fault is scripted for it. */
export class RequestHandler {
  constructor(private readonly parts: RequestHandlerParts) {}

  /** Handles a request; the promise ends when the answer is sent, given up or left hanging. */
  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { options, faults, ledger } = this.parts;
    const head = readHead(message);
    const route = findRoute(head.method, head.path);
    const early = faults.take(route.operation);
    const remotePort = message.socket.remotePort ?? 0;
    const known = { route, fault: early, remotePort, atMs: options.now };
    if (early?.behaviour === 'resetBeforeBody') {
      ledger.record(describeRequest({ ...known, head, reasonRefused: 'the body was not read' }));
      breakOff(message.socket);
      return;
    }
    const read = await readBody(message, MAX_BODY_BYTES);
    if (read.outcome === 'cutOff') {
      const { receivedBytes } = read;
      ledger.record(
        describeRequest({ ...known, head, receivedBytes, reasonRefused: 'the caller went away' }),
      );
      return;
    }
    const body = read.outcome === 'complete' ? read.body : Buffer.alloc(0);
    const name = early === undefined ? readName(body) : undefined;
    const fault = name === undefined ? early : faults.take(route.operation, name);
    const request: ReceivedRequest = { ...head, body };
    const requestId = randomBytes(16).toString('hex');
    const authentication = this.#authenticate(request);
    const call: Call = { request, route, authentication, requestId, isRehearsal: false };
    const tooLarge = refuseBySize(head, read.outcome === 'tooLarge', requestId);
    const outcome = this.#decide(call, fault, tooLarge);
    const answer = withStandardHeaders(outcome.answer, requestId, options.now(), fault);
    const isSilent = SILENT_BEHAVIOURS.includes(fault?.behaviour ?? 'answer');
    ledger.record(
      describeRequest({
        ...known,
        fault,
        head,
        body,
        receivedBytes: read.outcome === 'tooLarge' ? read.receivedBytes : body.length,
        authentication,
        status: isSilent ? undefined : answer.status,
        appliedConnectionId: outcome.appliedConnectionId,
      }),
    );
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    await deliver(answer, fault ?? {}, response, gone.signal);
  }

  #authenticate(request: ReceivedRequest): Authentication {
    const { accessKeys, tokens, options } = this.parts;
    return authenticate(request, accessKeys, tokens, options.now());
  }

  #decide(call: Call, fault: Fault | undefined, tooLarge: Answer | undefined): Outcome {
    const carryOut = (isRehearsal: boolean): Outcome =>
      tooLarge === undefined
        ? this.parts.dispatcher.dispatch({ ...call, isRehearsal })
        : { answer: tooLarge };
    if (fault === undefined) return carryOut(false);
    const scripted = scriptedAnswer(fault, call.route.operation, call.requestId);
    const isApplied = fault.apply ?? isOnlyDelayOrHeaders(fault);
    if (!isApplied && SILENT_BEHAVIOURS.includes(fault.behaviour ?? 'answer'))
      return { answer: scripted ?? textAnswer(200, '') };
    if (!isApplied && scripted !== undefined) return { answer: scripted };
    const real = carryOut(!isApplied);
    return scripted === undefined ? real : { ...real, answer: scripted };
  }
}

function withStandardHeaders(
  answer: Answer,
  requestId: string,
  nowMs: number,
  fault: Fault | undefined,
): Answer {
  const scripted = Object.entries(fault?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  const headers = {
    'x-request-id': requestId,
    date: new Date(nowMs).toUTCString(),
    ...answer.headers,
    ...Object.fromEntries(scripted),
  };
  return { ...answer, headers };
}
