import type { Authentication } from './authentication.js';
import type { Fault } from './fault.js';
import type { LedgerEntry } from './ledger.js';
import type { Route } from './operation.js';
import type { RequestHead } from './received-request.js';
import { redactHeaders, withoutPasswords } from './redaction.js';

const MAX_KEPT_BODY_BYTES = 64 * 1_024;

/** What is known about a request when it is written into the ledger. */
export interface RequestFacts {
  readonly route: Route;
  readonly head: RequestHead;
  readonly remotePort: number;
  readonly atMs: () => number;
  readonly fault: Fault | undefined;
  readonly body?: Buffer;
  readonly receivedBytes?: number;
  readonly authentication?: Authentication;
  readonly reasonRefused?: string;
  readonly status?: number | undefined;
  readonly appliedConnectionId?: string | undefined;
}

/** The ledger entry of a request, without secrets. */
export function describeRequest(facts: RequestFacts): Omit<LedgerEntry, 'sequence'> {
  const { route, head, fault, body = Buffer.alloc(0), authentication } = facts;
  const text = body.subarray(0, MAX_KEPT_BODY_BYTES).toString('utf8');
  const reasonRefused = facts.reasonRefused ?? reasonOf(route, authentication);
  return {
    atMs: facts.atMs(),
    operation: route.operation,
    method: head.method,
    path: head.path,
    query: head.query,
    headers: redactHeaders(head.headers),
    body: route.service === 'iam' ? withoutPasswords(text) : text,
    bodyBytes: facts.receivedBytes ?? body.length,
    authentication: authentication?.kind ?? 'none',
    authenticated: authentication?.principal !== undefined,
    ...(reasonRefused === undefined ? {} : { reasonRefused }),
    ...(fault === undefined ? {} : { fault: fault.behaviour ?? 'answer' }),
    ...(facts.status === undefined ? {} : { status: facts.status }),
    ...(facts.appliedConnectionId === undefined ? {} : { appliedConnectionId: facts.appliedConnectionId }),
    remotePort: facts.remotePort,
  };
}

function reasonOf(route: Route, authentication: Authentication | undefined): string | undefined {
  const refusal = authentication?.refusal;
  // Asking for a token needs no credentials, so that their absence is no refusal.
  if (refusal === undefined || route.operation === 'issueToken') return undefined;
  return refusal.detail === '' ? refusal.code : `${refusal.code}: ${refusal.detail}`;
}
