import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { ExecutionResult, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import type { Context, SubscribePayload } from 'graphql-ws';
import { makeServer } from 'graphql-ws';
import type { AuditLog } from '../callers/audit-log.js';
import type { CallerGate, KnownCaller } from '../callers/caller-gate.js';
import type { SubscriptionEngine } from '../graphql/subscription-engine.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { auditRefusal, contextFor } from './caller-check.js';
import { checkBody } from './graphql-body.js';
import { errorOf } from './http-error.js';
import type { LoadMonitor } from './load-monitor.js';
import type { SubscriberSocket } from './subscriber-socket.js';
import { serveSocket } from './subscriber-socket.js';
import { traceIdOf } from './trace-id.js';
import { CLOSE, endSocket } from './web-sockets.js';

const INIT_TIMEOUT_MS = 3_000;
const MAX_SUBSCRIPTIONS = 1_000;
const MAX_ID_LENGTH = 128;
// The last events go out first.
const LAST_EVENTS_MS = 1_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What WebSockets are served with. */
export interface WebSocketParts {
  engine: SubscriptionEngine;
  gate: CallerGate;
  audit: AuditLog;
  load: LoadMonitor;
  clock: Clock;
  /** The only documents to execute; undefined for any. */
  trustedDocuments: TrustedDocuments | undefined;
  isStopping: () => boolean;
}

type ConnectionParams = Record<string, unknown> | undefined;

interface Session extends SubscriberSocket {
  /** Set when the client has said who it is. */
  known?: KnownCaller;
}

/** An error that is told as it is. */
class ToldError extends GraphQLError {
  readonly #told: GraphQLFormattedError;

  constructor(told: GraphQLFormattedError) {
    super(told.message);
    this.#told = told;
  }

  override toJSON(): GraphQLFormattedError {
    return this.#told;
  }
}

/** Serves subscriptions over WebSockets, by the protocol of graphql-ws. */
export function webSocketHandlerOf(parts: WebSocketParts) {
  const { engine, load, isStopping } = parts;
  const server = makeServer<ConnectionParams, Session>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    onConnect: context => letIn(context, parts),
    onSubscribe: ({ extra, subscriptions }, id, payload) => {
      if (id.length > MAX_ID_LENGTH) {
        // Every message about the subscription would carry it.
        endSocket(extra.socket, CLOSE.badRequest, 'The id is too long');
        return [new GraphQLError('The id is too long.')];
      }
      return prepare(extra, Object.keys(subscriptions).length, payload, parts);
    },
    subscribe: args => engine.subscribe(args) as Promise<AsyncIterableIterator<ExecutionResult>>,
    // The engine has made them fit.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
  });
  return (socket: WebSocket, request: FastifyRequest): void => {
    load.settle(request.raw);
    serveSocket(server, { socket, request });
    if (isStopping()) endSocket(socket, CLOSE.goingAway, 'Stopping');
  };
}

async function letIn(
  { extra, connectionParams }: Context<ConnectionParams, Session>,
  { gate, audit, clock }: WebSocketParts,
): Promise<boolean> {
  const { socket, request } = extra;
  const startedAtMs = Date.now();
  const authorization = credentialIn(connectionParams) ?? request.headers.authorization;
  const found = await gate.identify(authorization, request.ip);
  if (found.kind !== 'known') {
    auditRefusal(audit, request, found, startedAtMs);
    if (found.kind === 'unauthenticated') endSocket(socket, CLOSE.unauthorized, 'Authentication required');
    else endSocket(socket, CLOSE.tryAgainLater, `Try again in ${found.retryAfterSeconds} s`);
    return false;
  }
  extra.known = found;
  const leftMs = (found.validUntilMs ?? Number.POSITIVE_INFINITY) - clock.epochMs() + LAST_EVENTS_MS;
  // A longer time would end at once; and no subscription outlives the token, whether or not its socket does.
  if (leftMs > MAX_TIMER_MS) return true;
  const end = () => endSocket(socket, CLOSE.unauthorized, 'The access token has ended');
  const timer = setTimeout(end, leftMs).unref();
  socket.once('close', () => clearTimeout(timer));
  return true;
}

function credentialIn(params: Readonly<Record<string, unknown>> = {}): string | undefined {
  const value = params['authorization'] ?? params['Authorization'];
  return typeof value === 'string' ? value : undefined;
}

function prepare(
  { request, known }: Session,
  subscriptions: number,
  payload: SubscribePayload,
  { engine, load, trustedDocuments }: WebSocketParts,
) {
  const traceId = traceIdOf(undefined);
  const refuse = (...errors: GraphQLFormattedError[]) => errors.map(error => new ToldError(error));
  // The protocol knows no request without credentials once the client was let in.
  if (known === undefined) return refuse(errorOf('unauthenticated', traceId));
  if (!load.accepts()) return refuse(errorOf('overloaded', traceId, 1));
  if (subscriptions > MAX_SUBSCRIPTIONS) return refuse(errorOf('tooManySubscriptions', traceId));
  // The protocol wants a text where a document that is named by its id has none.
  const body = checkBody(payload.query === '' ? { ...payload, query: undefined } : payload, trustedDocuments);
  if (typeof body === 'string') return refuse(errorOf(body, traceId));
  const prepared = engine.prepare(body.checked, contextFor(traceId, request.ip, known));
  return prepared.kind === 'ready' ? prepared.args : refuse(...prepared.errors);
}
