import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditLog } from '../callers/audit-log.js';
import type { Caller } from '../callers/caller.js';
import type { CallerGate, Identification } from '../callers/caller-gate.js';
import { sendFailure } from './failure-answers.js';

const CALLER = 'caller';

/** Lets a request pass when its sender is known, and answers it otherwise. */
export type CallerCheck = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** A check that looks at nothing but the headers, so that bodies of strangers are not even read. */
export function callerCheckOf(gate: CallerGate, audit: AuditLog): CallerCheck {
  return async (request, reply) => {
    const startedAtMs = Date.now();
    const found = await gate.identify(request.headers.authorization, request.ip);
    if (found.kind === 'known') {
      request.setDecorator<Caller>(CALLER, found.caller);
      return undefined;
    }
    audit.write({
      traceId: request.id,
      address: request.ip,
      caller: undefined,
      code: CODES[found.kind],
      reason: found.kind === 'unauthenticated' ? found.reason : undefined,
      startedAtMs,
      durationMs: reply.elapsedTime,
    });
    return refuse(reply, found);
  };
}

/** Who sent a request that has passed the check. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>(CALLER);
}

/** The property of a request that holds its caller; a server must know of it before requests come. */
export const CALLER_DECORATOR = CALLER;

const CODES = {
  unauthenticated: 'UNAUTHENTICATED',
  rateLimited: 'RATE_LIMITED',
  unavailable: 'AUTH_UNAVAILABLE',
} as const;

function refuse(reply: FastifyReply, found: Exclude<Identification, { kind: 'known' }>): FastifyReply {
  switch (found.kind) {
    case 'unauthenticated':
      return sendFailure(reply.header('www-authenticate', 'Bearer'), 'unauthenticated');
    case 'rateLimited':
      return sendFailure(reply, 'rateLimited', found.retryAfterSeconds);
    case 'unavailable':
      return sendFailure(reply, 'authUnavailable', found.retryAfterSeconds);
  }
}
